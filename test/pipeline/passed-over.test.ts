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
