import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { cardSchema } from "../../src/eval/card.ts";
import { readHistory } from "../../src/eval/history.ts";
import { crowd } from "../fixtures/scenes.ts";
import { runVeil } from "../fixtures/veil-command.ts";

let folder = "";
let faces: readonly Record<string, number>[];

const veil = (...args: readonly string[]) =>
  runVeil(["eval", ...args], { cwd: folder, env: { TMPDIR: join(folder, "tmp") } });

const writeTruth = (...lines: readonly object[]) =>
  writeFile(join(folder, "photos", "truth.jsonl"), lines.map((line) => JSON.stringify(line)).join("\n"));

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "veil-cli-eval-"));
  for (const name of ["tmp", "photos"]) await mkdir(join(folder, name));
  const made = await crowd([120, 80, 60], 700);
  faces = made.truth.map(({ x, y, width, height }) => ({ x, y, w: width, h: height }));
  await writeFile(join(folder, "photos", "a.jpg"), made.jpeg);
});
after(() => rm(folder, { recursive: true }));

describe("veil eval", () => {
  test("prints a card, writes JSON and a page that its owner alone may read, and leaves nothing else", async () => {
    // A label on the background: a leak that is sure.
    await writeTruth({ file: "a.jpg", faces: [...faces, { x: 2, y: 2, w: 18, h: 20 }] });
    const { code, out, err } = await veil("photos", "--profile", "fast", "--json", "card.json", "--html", "card.html");
    assert.equal(code, 0, err);
    assert.match(out, /\| All faces \| {2}\| 4 \| 25\.0 % \|/);
    assert.match(err, /card\.html: written\. It shows 1 unmasked faces: keep it from others\./);
    for (const name of ["card.json", "card.html"]) assert.equal((await stat(join(folder, name))).mode & 0o777, 0o600);
    const card = cardSchema.parse(JSON.parse(await readFile(join(folder, "card.json"), "utf8")));
    assert.deepEqual([card.policy.profile, card.minScore, card.slices[0]?.leaks], ["fast", 0.25, 1]);
    assert.match(await readFile(join(folder, "card.html"), "utf8"), /data:image\/jpeg/);
    assert.deepEqual((await readdir(folder)).sort(), ["card.html", "card.json", "photos", "tmp"]);
    assert.deepEqual((await readdir(join(folder, "photos"))).sort(), ["a.jpg", "truth.jsonl"]);
    assert.deepEqual(await readdir(join(folder, "tmp", `veil-${userInfo().username}`)), []);
  });

  test("keeps results, tells what fell below the baseline, and takes a new one when asked to", async () => {
    const place = join(folder, "data", "eval");
    const kept = ["photos", "--profile", "fast", "--data-dir", "data", "--keep"];
    await writeTruth({ file: "a.jpg", faces });
    const first = await veil(...kept);
    assert.equal(first.code, 0, first.err);
    // Higher than any detection: nothing is masked.
    const worse = await veil(...kept, "--min-score", "1");
    assert.equal(worse.code, 1);
    assert.match(worse.err, /^worse: all: 0\.0 % of the faces were masked, less than \d+\.\d %/m);
    const history = await readHistory(place);
    assert.equal(history.cards.length, 2);
    assert.equal(history.baseline?.slices[0]?.leaks, 0);

    const accepted = await veil("--data-dir", "data", "--accept", "--html", "trend.html");
    assert.equal(accepted.code, 0, accepted.err);
    assert.equal((await readHistory(place)).baseline?.slices[0]?.leaks, 3);
    const page = await readFile(join(folder, "trend.html"), "utf8");
    assert.match(page, /Over time/);
    assert.doesNotMatch(page, /data:image/, "a kept result holds no pictures");
  });

  test("names every fault of a truth, and what is asked of it wrongly", async () => {
    await writeTruth({ file: "gone.jpg", faces: [] }, { file: "a.jpg", faces: [{ x: "1" }] });
    const faulty = await veil("photos");
    assert.equal(faulty.code, 2);
    assert.match(faulty.err, /truth\.jsonl:2: faces\.0\.x: expected number/);
    assert.match(faulty.err, /truth\.jsonl:1: gone\.jpg: there is no such picture/);
    await writeTruth({ file: "a.jpg", faces });
    assert.match((await veil("photos", "--limit", "none")).err, /--limit/);
    assert.match((await veil("photos", "--only", "nosuch")).err, /at least one picture/);
    assert.match((await veil("photos", "--half", "tune", "--keep")).err, /without --only, --half and --limit/);
    const nothing = await veil("--data-dir", "new");
    assert.equal(nothing.code, 2);
    assert.match(nothing.err, /no kept result/);
  });
});
