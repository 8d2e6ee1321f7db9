import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import type { AttackReport } from "../../src/eval/attack.ts";
import { runVeil } from "../fixtures/veil-command.ts";

const portrait = fileURLToPath(new URL("../fixtures/astronaut.png", import.meta.url));
let folder = "";

/** Ten "people" in two pictures each: one person, lit in ten ways. That is enough to see the command work. */
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "veil-attack-test-"));
  for (let person = 0; person < 10; person++) {
    await mkdir(join(folder, `person-${person}`));
    for (const [file, blue] of [
      ["1.jpg", 20],
      ["2.png", 60],
    ] as const) {
      const lit = sharp(portrait).removeAlpha().extract({ left: 90, top: 0, width: 280, height: 280 });
      await lit
        .linear(Array(3).fill(0.6 + 0.04 * person), [8 * person, 0, blue])
        .toFile(join(folder, `person-${person}`, file));
    }
  }
  const wall = sharp({ create: { width: 200, height: 200, channels: 3, background: "#8899aa" } }).jpeg();
  await writeFile(join(folder, "person-3", "3.jpg"), await wall.toBuffer());
  await writeFile(join(folder, "not-a-model.onnx"), "hello");
});
after(() => rm(folder, { recursive: true }));

const veil = (...args: string[]) => runVeil(["attack", ...args]);

test("attacks the photographs of a folder, and reports as JSON what came out and what was left out", async () => {
  const { out, err } = await veil(folder, "--operator", "blur standard", "--operator", "clear", "--json");
  const report = JSON.parse(out) as AttackReport;
  assert.deepEqual([report.people, report.photographs, report.left], [10, 20, { photographs: 1, people: 0 }], err);
  // What blur is compared with came along.
  assert.deepEqual(
    report.results.map(({ operator }) => operator),
    ["clear", "blur standard", "solid standard"],
  );
  for (const { outcomes } of report.results) {
    for (const approach of ["naive", "parrot", "restore"]) assert.ok(outcomes.some((one) => one.approach === approach));
    for (const { rankOne } of outcomes) assert.equal(rankOne.trials, 10);
  }
});

test("an operator that is none, a recogniser that is none and a folder that is none are refused in plain words", async () => {
  const operator = await veil(folder, "--operator", "mist");
  assert.equal(operator.code, 2);
  assert.match(operator.err, /received mist[\s\S]*There are: clear;/);
  const model = await veil(folder, "--recogniser", join(folder, "not-a-model.onnx"));
  assert.equal(model.code, 2);
  assert.match(model.err, /not-a-model\.onnx: expected an ONNX recogniser/);
  const nowhere = await veil(join(folder, "nowhere"));
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.err, /expected a folder of people/);
  const few = await veil(folder, "--people", "3");
  assert.equal(few.code, 2);
  assert.match(few.err, /at least 8 people/);
});
