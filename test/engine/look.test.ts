import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Detector, Pixels } from "../../src/core/detector.ts";
import { allOf, requireCertain } from "../../src/core/kept-regions.ts";
import { defaultPolicy } from "../../src/core/policy.ts";
import type { Region } from "../../src/core/region.ts";
import { lookAt } from "../../src/engine/look.ts";
import type { Problem } from "../../src/errors.ts";

const [width, height] = [300, 100];

/** Sees the leftmost white square of 20 pixels, and none that stands beside it: the worst of detectors. */
const shortSighted: Detector = {
  name: "short-sighted",
  digest: "",
  async detect({ data }) {
    for (let x = 0; x < width; x++) {
      if (data[(50 * width + x) * 3] === 255) return [square(x)];
    }
    return [];
  },
};

describe("the second look", () => {
  it("is taken only where the policy asks for it", async () => {
    assert.equal(allOf(await lookAt(picture(20, 200), shortSighted, defaultPolicy)).length, 1);
  });

  it("finds what the first missed, and leaves the picture as it is", async () => {
    const frame = picture(20, 200);
    const before = Uint8Array.from(frame.data);
    const { first, second } = await lookAt(frame, shortSighted, { ...defaultPolicy, verify: "mask" });
    assert.deepEqual(
      [first, second].map((regions) => regions.map(({ box }) => box.x)),
      [[20], [200]],
    );
    assert.deepEqual(frame.data, before);
  });

  it("holds a picture in which it finds one more", async () => {
    const policy = { ...defaultPolicy, verify: "hold" } as const;
    const found = await lookAt(picture(20, 200), shortSighted, policy);
    assert.throws(
      () => requireCertain(found, policy),
      (problem: Problem) => problem.code === "doubtful" && !problem.retry,
    );
    assert.equal(requireCertain(found, { verify: "mask" }).length, 2);
    assert.equal(requireCertain(await lookAt(picture(20), shortSighted, policy), policy).length, 1);
  });
});

function square(x: number): Region {
  return { kind: "face", box: { x, y: 40, width: 20, height: 20 }, score: 1 };
}

function picture(...lefts: readonly number[]): Pixels {
  const data = new Uint8Array(width * height * 3).fill(60);
  for (const left of lefts) {
    for (let y = 40; y < 60; y++) data.fill(255, (y * width + left) * 3, (y * width + left + 20) * 3);
  }
  return { data, width, height, channels: 3 };
}
