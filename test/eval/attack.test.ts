import assert from "node:assert/strict";
import { test } from "node:test";
import type { AttackReport } from "../../src/eval/attack.ts";
import { attack, bestOf, isAboveFloor } from "../../src/eval/attack.ts";
import { areaUnderCurve, rankOne, shareOf } from "../../src/eval/attack-measures.ts";
import type { Operator } from "../../src/eval/attack-operators.ts";
import { referenceOperators, veilOperators } from "../../src/eval/attack-operators.ts";
import { attackMarkdown } from "../../src/eval/attack-report.ts";
import { drawnPeople } from "../fixtures/identities.ts";

const operators = [...referenceOperators, ...veilOperators];
const named = (...names: string[]): Operator[] =>
  names.map((name) => {
    const operator = operators.find((one) => one.name === name);
    assert.ok(operator, name);
    return operator;
  });

/** Attackers learn from what a mask leaves of 120 drawn people; they know the mask, its place and the eyes'. */
const report: Promise<AttackReport> = attack(drawnPeople(120, 3, 5), {
  recognisers: [],
  operators: named(
    "clear",
    "Gaussian 0.1 w",
    "mosaic of the face, 8 cells",
    "blur standard",
    "blur maximum",
    "pixelate standard",
    "solid standard",
    "solid maximum",
  ),
});
const resultFor = async (name: string) => {
  const result = (await report).results.find(({ operator }) => operator === name);
  assert.ok(result, name);
  return result;
};

for (const name of ["clear", "Gaussian 0.1 w", "mosaic of the face, 8 cells"]) {
  test(`attackers recognise drawn people: ${name}`, async () => {
    const { rankOne: share, auc } = bestOf(await resultFor(name))!;
    assert.ok(share.low > 6 * (await report).chance, JSON.stringify(share));
    assert.ok(auc > 0.8, String(auc));
    if (name !== "clear") assert.equal(isAboveFloor(await report, await resultFor(name)), true);
  });
}

for (const name of ["blur standard", "blur maximum", "pixelate standard"]) {
  test(`attackers recognise nobody by more than what surrounds a solid mask: ${name}`, async () => {
    const result = await resultFor(name);
    const solid = bestOf(await resultFor(result.floor!))!;
    const best = bestOf(result)!;
    assert.equal(isAboveFloor(await report, result), false, attackMarkdown(await report));
    assert.ok(best.rankOne.share <= solid.rankOne.share + 0.06, attackMarkdown(await report));
    const highest = (outcomes: typeof result.outcomes) => Math.max(...outcomes.map(({ auc }) => auc));
    assert.ok(highest(result.outcomes) < 0.72, String(highest(result.outcomes)));
  });
}

test("the report names every operator, its bounds and what it is compared with", async () => {
  const text = attackMarkdown(await report);
  assert.match(text, /^120 people, 360 photographs/);
  assert.match(text, /\| blur standard \| .*\| not above \|/);
  assert.match(text, /\| clear \| .* \[\d+\.\d, \d+\.\d\] \| 0\.\d\d \| {2}\|/);
  assert.match(text, /\| Gaussian 0\.1 w \| .*\*\*above\*\* \|/);
});

test("a share's exact bounds are those of the tables", () => {
  // Clopper-Pearson as published for 0 of 10, 1 of 10 and 5 of 20.
  const bounds = (hits: number, trials: number) => {
    const { low, high } = shareOf(hits, trials);
    return [low.toFixed(4), high.toFixed(4)];
  };
  assert.deepEqual(bounds(0, 10), ["0.0000", "0.3085"]);
  assert.deepEqual(bounds(1, 10), ["0.0025", "0.4450"]);
  assert.deepEqual(bounds(5, 20), ["0.0866", "0.4910"]);
  assert.deepEqual(bounds(10, 10), ["0.6915", "1.0000"]);
});

test("rank-1 counts the own entry alone, a tie as a guess; the area is that of pairs in the right order", () => {
  const rows = (values: number[][]) => values.map((row) => Float64Array.from(row));
  assert.equal(
    rankOne(
      rows([
        [3, 1, 2],
        [5, 4, 1],
        [0, 0, 9],
      ]),
    ),
    2,
  );
  const even = Array.from({ length: 200 }, () => new Float64Array(200));
  assert.ok(rankOne(even) <= 3);
  assert.equal(areaUnderCurve(even), 0.5);
  assert.equal(
    areaUnderCurve(
      rows([
        [1, 0],
        [0, 1],
      ]),
    ),
    1,
  );
  assert.equal(
    areaUnderCurve(
      rows([
        [0, 1],
        [1, 0],
      ]),
    ),
    0,
  );
  assert.equal(
    areaUnderCurve(
      rows([
        [2, 1],
        [3, 0],
      ]),
    ),
    0.25,
  );
});
