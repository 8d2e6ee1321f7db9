import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import sharp from "sharp";
import { stringify } from "yaml";
import type { JobsResponse } from "../../src/http/schema.ts";
import { type Program, startProgram, temporaryDataDir, until } from "../e2e/program.ts";
import { startPostgres, withoutPostgres } from "../fixtures/postgres-server.ts";
import { veilCommand } from "../fixtures/veil-command.ts";
import { portraitJpeg } from "../http/client.ts";

const postgres = withoutPostgres === false ? await startPostgres() : undefined;
after(() => postgres?.[Symbol.asyncDispose]());

describe("commands over a PostgreSQL ledger", { skip: withoutPostgres }, () => {
  let dataDir = "";
  let veil: Program;

  before(async () => {
    dataDir = await temporaryDataDir();
    const settings = {
      ledger: { driver: "postgres", url: await postgres!.database() },
      // With such a score the flat mask itself passes for a head, so that every portrait is held.
      policy: { verify: "hold", minScore: 0.1, profile: "fast", style: "solid" },
      folder: { settleMs: 100 },
      engine: { processes: 1 },
    };
    await mkdir(dataDir, { recursive: true });
    await writeFile(join(dataDir, "veil.yaml"), stringify(settings));
    veil = await startProgram({ dataDir });
  });
  after(async () => {
    await veil?.[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  });

  const drop = (name: string, bytes: Uint8Array) => writeFile(join(dataDir, "input_photos", name), bytes);
  const output = (name: string) => join(dataDir, "output_anonymous", name);
  async function command(...args: string[]): Promise<string> {
    const { code, out, err } = await veilCommand(dataDir, ...args);
    assert.equal(code, 0, `${args.join(" ")}: ${err}`);
    return out;
  }
  async function jobIn(key: string, state: string): Promise<string> {
    return until(`${key} is ${state}`, async () => {
      const answer = await fetch(`${veil.address}/api/v1/jobs?state=${state}`);
      return ((await answer.json()) as JobsResponse).jobs.find(({ input }) => input.key === key)?.id;
    });
  }

  test("decide on what is held, send dead letters back, pause, mask again and tell how far it is", async () => {
    const portrait = await portraitJpeg();
    await drop("held.jpg", portrait);
    await drop("other.jpg", await sharp(portrait).resize(300).jpeg().toBuffer());
    await drop("cut.jpg", portrait.subarray(0, portrait.length / 2));
    await drop(
      "flat.png",
      await sharp({ create: { width: 80, height: 80, channels: 3, background: "teal" } })
        .png()
        .toBuffer(),
    );
    const [held, other] = [await jobIn("held.jpg", "held"), await jobIn("other.jpg", "held")];
    await jobIn("cut.jpg", "dead");
    await jobIn("flat.png", "done");

    assert.match(await command("review", "list"), /\n2 held\n$/);
    assert.match(await command("review", "show", held), /why: A second look found/);
    const [, successor] = /job (\w+) takes its place/.exec(await command("review", "approve", held))!;
    await until("it is masked", async () => (await readdir(join(dataDir, "output_anonymous"))).includes("held.jpg"));
    assert.match(await command("review", "reject", other, "--reason", "not to be shown"), /^rejected/);
    assert.equal((await veilCommand(dataDir, "review", "approve", other)).code, 1, "it is decided on");
    await jobIn("held.jpg", "done");
    assert.match(await command("jobs", "show", successor!), /"kind": "done"/);

    assert.match(await command("jobs", "retry", "--class", "unreadable", "--dry-run"), /^1 unreadable\n1 would be/);
    assert.equal(await command("jobs", "retry", "--code", "unreadable"), "1 sent back\n");
    await jobIn("cut.jpg", "redriven");
    await jobIn("cut.jpg", "dead");

    const { routes } = JSON.parse(await command("jobs", "stats", "--json"));
    const { states, classes, left } = routes[0];
    assert.deepEqual([states.done, states.dead, states.rejected, left], [2, 1, 1, 0]);
    assert.deepEqual(classes.dead, { unreadable: 1 });
    assert.match(await command("jobs", "stats"), /^folder\n/);

    assert.equal(await command("jobs", "pause", "--route", "folder"), "folder is paused\n");
    assert.equal(await command("jobs", "resume"), "nothing is paused\n");
    assert.match(await command("jobs", "republish"), /^0 will be published again/);
    const again = ["jobs", "rerun", "folder", "--set", "policy.quality=61", "--key", "flat.png"];
    assert.match(await command(...again, "--dry-run"), /^1 masked under another policy\n1 would be masked again/);
    assert.match(await command("jobs", "list", "--state", "done"), /flat\.png.*0 faces[\s\S]*2 done/);
  });

  test("tell by veil doctor whether the server is there", async () => {
    assert.match(await command("doctor"), /^✓ Ledger +PostgreSQL at 127\.0\.0\.1:\d+\/veil1$/m);
    const away = "ledger.url=postgres://veil:s3cr3t@127.0.0.1:9/veil";
    const { code, out } = await veilCommand(dataDir, "doctor", "--set", away);
    assert.equal(code, 1);
    assert.match(out, /^✗ Ledger +The ledger's PostgreSQL at 127\.0\.0\.1:9\/veil does not answer/m);
    assert.doesNotMatch(out, /s3cr3t/);
  });

  test("find, export, prove and erase records, and everything proves itself before and after", async () => {
    const proof = join(dataDir, "proof.json");
    const found = await command("ledger", "find", "--path", "*.jpg", "--outcome", "done,dead", "--json");
    assert.deepEqual(
      found
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).record.job.input.key),
      ["cut.jpg", "held.jpg", "cut.jpg"],
    );
    const csv = (await command("ledger", "export", "--format", "csv")).trim().split("\n");
    const lines = (await command("ledger", "export", "--format", "jsonl")).trim().split("\n");
    assert.equal(csv.length, lines.length + 1);

    await command("ledger", "proof", output("held.jpg"), "-o", proof);
    assert.match(
      await command("ledger", "proof", output("held.jpg"), "--check", proof),
      /^This proof holds, and is about/,
    );
    const key = join(dataDir, "veil.pem");
    await writeFile(key, await command("ledger", "key"));
    const records = /^(\d+) records prove themselves/;
    const [, earlier] = records.exec(await command("ledger", "verify", "--key", key))!;
    assert.ok(Number(earlier) >= lines.length);

    assert.match(await command("ledger", "erase", "--path", "held.jpg"), /^This would erase .* 2 jobs and 0 requests/);
    assert.match(await command("ledger", "erase", "--path", "held.jpg", "--yes"), /2 jobs .* are erased\.\nFree space/);
    assert.equal(await veil.stop(), 0);
    assert.match(await command("ledger", "erase", "--path", "other.jpg", "--yes"), /1 job .* are erased\.\n$/);
    const [, later] = records.exec(await command("ledger", "verify", "--key", key))!;
    assert.ok(Number(later) > Number(earlier), "an erasure is a record too");
    assert.match(await command("ledger", "proof", output("held.jpg")), /"committed"/);
    assert.doesNotMatch(await command("ledger", "export", "--format", "jsonl"), /held\.jpg|other\.jpg|not to be shown/);
    assert.ok((await readFile(proof, "utf8")).includes("held.jpg"), "what was given away stays");
  });
});
