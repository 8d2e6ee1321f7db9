import assert from "node:assert/strict";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { stringify } from "yaml";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { type Program, startProgram, until } from "../e2e/program.ts";
import { countsOf } from "../fixtures/hosts.ts";
import { runVeil } from "../fixtures/veil-command.ts";

const secrets = ["s3-secret-Zq81", "sftp-geheim-Yx72", "hook-token-0123456789", "mail-hook-Wv63", "amqp-kennwort-Ut54"];
const names = ["mustermann", "klinik-nord", "bildarchiv", "nas.klinik.example", "dpo@klinik.example", "lieferung"];

describe("veil doctor --bundle", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let veil: Program;
  const at = (...path: string[]) => join(folder.path, ...path);
  const bundle = async (...args: string[]) => {
    const file = at(`bundle-${Math.random()}.zip`);
    const ended = await runVeil(["--data-dir", at("klinik-nord-data"), "doctor", "--bundle", file, ...args]);
    // What is in it is not compressed.
    return { ...ended, file, text: await readFile(file, "latin1") };
  };

  before(async () => {
    folder = await temporaryFolder();
    for (const name of ["klinik-nord-data", "bildarchiv", "lieferung"]) await mkdir(at(name), { mode: 0o700 });
    const [s3, sftp, hook, alert, amqp] = secrets;
    const settings = {
      routes: {
        "mustermann-op": { from: at("bildarchiv"), to: at("lieferung"), settleMs: 50, include: ["mustermann/**"] },
      },
      stores: {
        "klinik-nord-s3": {
          kind: "s3",
          bucket: "bildarchiv",
          endpoint: "https://nas.klinik.example",
          accessKey: "mustermann-key",
          secretKey: s3,
        },
        "klinik-nord-sftp": {
          kind: "sftp",
          host: "nas.klinik.example",
          username: "mustermann",
          password: sftp,
          hostKey: `SHA256:${"a".repeat(43)}`,
        },
      },
      events: { webhook: { token: hook, port: 0 }, amqp: { url: `amqp://mustermann:${amqp}@127.0.0.1:1/klinik-nord` } },
      alerts: {
        webhook: { url: `https://nas.klinik.example/${alert}` },
        mail: { host: "nas.klinik.example", from: "dpo@klinik.example", to: "dpo@klinik.example" },
      },
    };
    await writeFile(at("klinik-nord-data", "veil.yaml"), stringify(settings));
    await mkdir(at("bildarchiv", "mustermann"));
    await writeFile(at("bildarchiv", "mustermann", "mustermann.jpg"), "no picture at all, but named as one");
    await writeFile(
      at("bildarchiv", "mustermann", "cut.jpg"),
      Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46]),
    );
    veil = await startProgram({
      dataDir: at("klinik-nord-data"),
      flags: ["--set", "folder.incompleteMs=0", "--set", "engine.processes=1"],
    });
    await until("something has ended", async () => {
      const { dead = 0, skipped = 0 } = await countsOf(veil);
      return dead + skipped >= 2;
    });
    await writeFile(at("veil.log"), `${veil.log()}not a line of veil's, of mustermann\n`);
  });
  after(async () => {
    await veil[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  test("tells what helps, and neither a secret nor anything that somebody has named", async () => {
    const { text, file, out } = await bundle("--log", at("veil.log"));
    assert.match(out, /look through it before you send it/);
    for (const part of [
      "README.txt",
      "versions.json",
      "configuration.yaml",
      "doctor.txt",
      "jobs.json",
      "metrics.txt",
      "log.jsonl",
    ])
      assert.ok(text.includes(part), part);
    for (const found of [
      '"veil": "',
      "engine.processes: ",
      "routes.route-2.include",
      "stores.store-1.kind: s3",
      "ok     Node",
      '"route": "route-2"',
      'veil_route_broken{route="route-2"}',
      '"msg":"job started"',
    ])
      assert.ok(text.includes(found), found);
    for (const word of [...secrets, ...names, folder.path])
      assert.ok(!text.toLowerCase().includes(word.toLowerCase()), `${word} is told`);
    assert.equal((await stat(file)).mode & 0o077, 0);
  });

  test("with names tells them, and still no secret", async () => {
    const { text } = await bundle("--names", "--log", at("veil.log"));
    for (const word of ["mustermann.jpg", "bildarchiv", "nas.klinik.example"]) assert.ok(text.includes(word), word);
    for (const secret of secrets) assert.ok(!text.includes(secret), `${secret} is told`);
  });
});
