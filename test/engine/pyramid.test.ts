import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Pixels } from "../../src/core/detector.ts";
import { createPyramid } from "../../src/engine/pyramid.ts";

describe("a picture's pyramid", () => {
  it("gives the picture itself at its own size", async () => {
    const picture = ramp(64, 48);
    assert.equal(await createPyramid(picture).level(64, 48), picture);
  });

  it("gives every size that is asked for, larger ones and one pixel too", async () => {
    const pyramid = createPyramid(ramp(100, 70));
    for (const [width, height] of [
      [200, 140],
      [99, 70],
      [33, 23],
      [1, 1],
    ] as const) {
      const level = await pyramid.level(width, height);
      assert.deepEqual([level.width, level.height, level.channels], [width, height, 3]);
      assert.equal(level.data.length, width * height * 3);
    }
  });

  it("shows the same by way of a larger level as straight from the picture", async () => {
    const picture = ramp(640, 480);
    const straight = await createPyramid(picture).level(80, 60);
    const stepwise = createPyramid(picture);
    await stepwise.level(320, 240);
    await stepwise.level(170, 120);
    const { data } = await stepwise.level(80, 60);
    const worst = data.reduce((most, value, index) => Math.max(most, Math.abs(value - straight.data[index]!)), 0);
    assert.ok(worst <= 3, `differs by ${worst}`);
  });

  it("averages what it makes smaller instead of picking pixels", async () => {
    const stripes: Pixels = {
      data: Uint8Array.from({ length: 256 * 16 * 3 }, (_, index) => (Math.floor(index / 3) % 2) * 255),
      width: 256,
      height: 16,
      channels: 3,
    };
    const { data } = await createPyramid(stripes).level(64, 4);
    assert.ok(data.every((value) => value > 100 && value < 155));
  });
});

/** Colours that change slowly and differ everywhere. */
function ramp(width: number, height: number): Pixels {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, index) => {
    const pixel = Math.floor(index / 3);
    const [x, y] = [(pixel % width) / width, Math.floor(pixel / width) / height];
    return [255 * x, 255 * y, 127 * (x + y)][index % 3]!;
  });
  return { data, width, height, channels: 3 };
}
