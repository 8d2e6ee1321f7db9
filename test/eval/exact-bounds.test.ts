import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { betaQuantile, betaShare, exactBounds } from "../../src/eval/exact-bounds.ts";

/** P(X = k) of a binomial, from sums of logarithms. */
function binomial(k: number, n: number, p: number): number {
  let log = k * Math.log(p) + (n - k) * Math.log1p(-p);
  for (let i = 1; i <= k; i++) log += Math.log(n - k + i) - Math.log(i);
  return Math.exp(log);
}

test("the bounds are those of published tables", () => {
  // Clopper and Pearson 1934, and R's binom.test.
  for (const [hits, trials, lower, upper] of [
    [0, 10, 0, 0.3084971],
    [10, 10, 0.6915029, 1],
    [5, 10, 0.187086, 0.812914],
    [1, 20, 0.001265089, 0.2487328],
    [7, 20, 0.1539092, 0.5921885],
    [299, 299, 0.987738, 1],
  ] as const) {
    const bounds = exactBounds(hits, trials)!;
    assert.ok(Math.abs(bounds.lower - lower) < 2e-6, `${hits} of ${trials}: ${bounds.lower}`);
    assert.ok(Math.abs(bounds.upper - upper) < 2e-6, `${hits} of ${trials}: ${bounds.upper}`);
  }
  assert.equal(exactBounds(0, 0), undefined);
});

test("at each bound exactly 2.5 % of samples are as extreme", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 400 }), fc.double({ min: 0, max: 1, noNaN: true }), (trials, share) => {
      const hits = Math.round(share * trials);
      const { lower, upper } = exactBounds(hits, trials)!;
      const sum = (from: number, to: number, p: number) =>
        Array.from({ length: to - from + 1 }, (_, index) => binomial(from + index, trials, p)).reduce(
          (a, b) => a + b,
          0,
        );
      if (hits > 0) assert.ok(Math.abs(sum(hits, trials, lower) - 0.025) < 1e-9);
      if (hits < trials) assert.ok(Math.abs(sum(0, hits, upper) - 0.025) < 1e-9);
    }),
    { numRuns: 60 },
  );
});

test("very many faces narrow the bounds and do not break them", () => {
  const { lower, upper } = exactBounds(600_000, 1_000_000)!;
  // The normal approximation is good to five digits there.
  assert.ok(Math.abs(lower - (0.6 - 1.96 * Math.sqrt(0.24e-6))) < 2e-6, `${lower}`);
  assert.ok(Math.abs(upper - (0.6 + 1.96 * Math.sqrt(0.24e-6))) < 2e-6, `${upper}`);
  assert.ok(Math.abs(betaShare(betaQuantile(0.3, 2e6, 3e6), 2e6, 3e6) - 0.3) < 1e-6);
});
