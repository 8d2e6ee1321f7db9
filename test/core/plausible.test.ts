import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isPlausible } from "../../src/core/plausible.ts";

const picture = { width: 1024, height: 768 };

describe("a plausible face", () => {
  it("is as narrow as a cheek at a door frame and as wide as a pair of eyes over a wall", () => {
    for (const [width, height] of [
      [55, 161],
      [10, 40],
      [123, 49],
      [90, 30],
    ] as const) {
      assert.ok(isPlausible({ x: 0, y: 0, width, height }, picture), `${width} x ${height}`);
    }
  });

  it("may reach past the picture that it fills", () => {
    assert.ok(isPlausible({ x: -200, y: -400, width: 1400, height: 1600 }, picture));
  });

  it("is no strip, no giant and nothing of no size", () => {
    for (const [width, height] of [
      [10, 41],
      [91, 30],
      [2000, 2000],
      [0, 10],
      [10, 0],
      [Number.NaN, 10],
    ] as const) {
      assert.ok(!isPlausible({ x: 0, y: 0, width, height }, picture), `${width} x ${height}`);
    }
  });
});
