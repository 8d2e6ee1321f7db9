import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Problem, type ProblemCode, problems } from "../../src/errors.ts";
import { nextStep } from "../../src/pipeline/retry.ts";

const rules = { maxRetries: 3, retryDelayMs: 1000, random: () => 0.5 };
const problem = (code: ProblemCode) => new Problem(code, "x");

describe("what follows a failed attempt", () => {
  test("is another attempt, later each time, until the retries are used up", () => {
    const steps = [1, 2, 3, 4].map((attempts) => nextStep(problem("timeout"), attempts, rules));
    assert.deepEqual(steps, [
      { kind: "retry", delayMs: 1000 },
      { kind: "retry", delayMs: 5000 },
      { kind: "retry", delayMs: 25_000 },
      { kind: "dead" },
    ]);
  });

  test("is death at once where another attempt would end the same way", () => {
    for (const code of Object.keys(problems) as ProblemCode[]) {
      const expected = problems[code].retry ? "retry" : "dead";
      assert.equal(nextStep(problem(code), 1, rules).kind, expected, code);
    }
    for (const code of ["unreadable", "unsupported", "too-many-pixels"] as const) {
      assert.equal(nextStep(problem(code), 1, rules).kind, "dead");
    }
  });

  test("is spread by a quarter to both sides, and never longer than an hour and that", () => {
    const delay = (attempts: number, random: number) => {
      const step = nextStep(problem("crashed"), attempts, { ...rules, maxRetries: 20, random: () => random });
      return step.kind === "retry" ? step.delayMs : assert.fail();
    };
    assert.equal(delay(1, 0), 750);
    assert.equal(delay(1, 1), 1250);
    assert.equal(delay(20, 1), 4_500_000);
  });

  test("is death after the first attempt where no retries are wanted", () => {
    assert.deepEqual(nextStep(problem("timeout"), 1, { ...rules, maxRetries: 0 }), { kind: "dead" });
  });
});
