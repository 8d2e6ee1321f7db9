import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import sharp from "sharp";
import { stringify } from "yaml";
import { openCommandEngine } from "../../src/cli/engine.ts";
import { requireMasked } from "../../src/cli/selftest-look.ts";
import { loadConfig } from "../../src/config.ts";
import { makeTestPicture } from "../../src/engine/test-picture.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { type Program, startProgram } from "../e2e/program.ts";
import { veilCommand } from "../fixtures/veil-command.ts";

describe("veil selftest", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let veil: Program;
  const at = (...path: string[]) => join(folder.path, ...path);
  const selftest = (...args: string[]) => veilCommand(at("data"), "selftest", "--timeout", "90", ...args);

  before(async () => {
    folder = await temporaryFolder();
    for (const name of [
      "data",
      "scans",
      "scans/in",
      "out",
      "moved",
      "gone",
      "taken",
      "asked",
      "asked-out",
      "unsure",
      "sure",
    ])
      await mkdir(at(name), { mode: 0o700 });
    const fast = { settleMs: 50, reconcileMs: 1000 };
    const routes = {
      scans: { from: at("scans"), to: at("out"), include: ["in/**/*.jp{g,eg}"], doneFile: "*.done", ...fast },
      moves: { from: at("taken"), to: at("gone"), originals: "move", movedTo: at("moved"), ...fast },
      asked: { from: at("asked"), to: at("asked-out"), watch: false },
      // The default threshold's second look finds one more in veil's own picture.
      unsure: { from: at("unsure"), to: at("sure"), policy: { verify: "hold" }, ...fast },
    };
    await writeFile(at("data", "veil.yaml"), stringify({ routes }));
    veil = await startProgram({ dataDir: at("data"), flags: ["--set", "engine.processes=1"] });
  });
  after(async () => {
    await veil[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  test("sends a picture through every route, finds its face masked, and leaves nothing", async () => {
    const { code, out, err } = await selftest();
    assert.equal(code, 0, out + err + veil.log());
    for (const route of ["folder", "scans", "moves"])
      assert.match(out, new RegExp(`^✓ ${route} +1 face masked, by the running service in`, "m"));
    assert.match(out, /^✓ asked +1 face masked and delivered, by this command: the route takes nothing by itself/m);
    const left = await readdir(folder.path, { recursive: true, withFileTypes: true });
    const pictures = left.filter((entry) => entry.isFile() && /selftest|\.done$/.test(entry.name));
    assert.deepEqual(
      pictures.map(({ name }) => name),
      [],
    );
  });

  test("is content with a picture that is held as the policy has it, and leaves no review behind", async () => {
    const { code, out, err } = await selftest("unsure");
    assert.equal(code, 0, out + err + veil.log());
    assert.match(
      out,
      /^✓ unsure +held for a person, as the policy has it \(policy\.verify: hold\), by the running service/m,
    );
    assert.match((await veilCommand(at("data"), "review", "list")).out, /^nothing waits for a review$/m);
    const { out: found } = await veilCommand(at("data"), "ledger", "find", "--outcome", "rejected", "--json");
    assert.match(found, /"a self-test"/);
    assert.deepEqual([await readdir(at("unsure")), await readdir(at("sure"))], [[], []]);
    const asked = await veilCommand(at("data"), "--set", "policy.verify=hold", "selftest", "asked");
    assert.equal(asked.code, 0, asked.out);
    assert.match(asked.out, /^✓ asked +held for a person, as the policy has it .*, by this command: the route takes/m);
  });

  test("stands in the ledger by its name", async () => {
    const { out } = await veilCommand(at("data"), "ledger", "find", "--path", "*veil-selftest-*");
    for (const kind of ["admitted", "done", "removed"]) assert.match(out, new RegExp(` ${kind} `));
    const { out: notes } = await veilCommand(at("data"), "ledger", "find", "--outcome", "masked");
    assert.match(notes, /masked/);
  });

  test("says that nobody takes the picture while the route is paused, and how to mend it", async () => {
    await veilCommand(at("data"), "jobs", "pause", "--route", "folder");
    const { code, out } = await veilCommand(at("data"), "selftest", "folder", "--timeout", "2");
    await veilCommand(at("data"), "jobs", "resume", "--route", "folder");
    assert.equal(code, 1);
    assert.match(
      out,
      /^✗ folder +(The picture was taken and not masked|Nobody took the picture) within 2 s.*\. The route is paused: veil jobs resume --route folder$/m,
    );
  });

  test("fails where the face is not masked", async () => {
    // A score that no face reaches.
    const { code, out } = await veilCommand(at("data"), "--set", "policy.minScore=1", "selftest", "asked");
    assert.equal(code, 1, out);
    assert.match(out, /^✗ asked +The detector does not find the face of veil's own picture/m);
  });

  test("is not content with a picture that came back as it was", async () => {
    const config = loadConfig({
      flags: { dataDir: at("data"), set: ["engine.processes=1"] },
      env: {},
      cwd: folder.path,
    });
    await using engine = await openCommandEngine(config);
    const picture = await makeTestPicture(10);
    const told = { code: "residue", message: /can still be told/ };
    await assert.rejects(requireMasked({ engine, picture, settings: config }, picture), told);
    const fainter = await sharp(picture).modulate({ saturation: 0.2 }).jpeg({ quality: 40 }).toBuffer();
    await assert.rejects(requireMasked({ engine, picture, settings: config }, fainter), told);
  });

  test("knows no route of another name", async () => {
    const { code, err } = await selftest("nowhere");
    assert.equal(code, 1);
    assert.match(err, /There is no route nowhere; there are folder, scans, moves, asked, unsure/);
  });
});
