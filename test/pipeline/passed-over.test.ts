import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem } from "../../src/errors.ts";
import { createPassedOver } from "../../src/pipeline/passed-over.ts";

const problem = (text: string) => new Problem("invalid-request", text);

test("what is passed over is new once, shown as long as comparisons meet it, and new again when it returns", () => {
  const passedOver = createPassedOver();
  assert.deepEqual(
    ["a", "b", "a"].map((text) => passedOver.report(problem(text))),
    [true, true, false],
  );
  passedOver.endOfPass();
  assert.equal(passedOver.report(problem("a")), false);
  assert.deepEqual(passedOver.current(), ["a", "b"]);
  passedOver.endOfPass();
  assert.deepEqual(passedOver.current(), ["a"]);
  assert.equal(passedOver.report(problem("b")), true);
});

test("what waits is shown until it is taken, or until a whole comparison has not met it", () => {
  const passedOver = createPassedOver();
  passedOver.waits("a", "no done-file");
  passedOver.waits("b", "no done-file");
  passedOver.endOfPass();
  assert.equal(passedOver.current().length, 2, "the comparison had begun before they came");
  passedOver.listed([{ key: "a" }, { key: "c" }]);
  passedOver.endOfPass();
  assert.deepEqual(passedOver.current(), ['"a" is waited for: no done-file']);
  passedOver.waits("a", undefined);
  assert.deepEqual(passedOver.current(), []);
});
