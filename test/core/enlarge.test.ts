import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { enlarge } from "../../src/core/enlarge.ts";

const side = fc.integer({ min: 1, max: 12 });
const growth = fc.integer({ min: 0, max: 20 });

describe("enlarging", () => {
  it("stays within half a step of the exact bilinear value, at any size", () => {
    fc.assert(
      fc.property(side, side, growth, growth, fc.infiniteStream(fc.nat(255)), (width, height, more, taller, bytes) => {
        const data = Uint8Array.from({ length: width * height * 3 }, () => bytes.next().value!);
        const [newWidth, newHeight] = [width + more, height + taller];
        const { data: large } = enlarge({ data, width, height, channels: 3 }, newWidth, newHeight);
        assert.equal(large.length, newWidth * newHeight * 3);
        for (let y = 0; y < newHeight; y++) {
          for (let x = 0; x < newWidth; x++) {
            const exact = bilinear(
              data,
              width,
              height,
              ((x + 0.5) * width) / newWidth,
              ((y + 0.5) * height) / newHeight,
            );
            assert.ok(Math.abs(large[(y * newWidth + x) * 3]! - exact) <= 1.6, `${x}, ${y}`);
          }
        }
      }),
    );
  });

  it("leaves a picture of the same size as it is", () => {
    const data = Uint8Array.from({ length: 5 * 7 * 3 }, (_, index) => (index * 37) % 256);
    assert.deepEqual(enlarge({ data, width: 5, height: 7, channels: 3 }, 5, 7).data, data);
  });
});

/** The first channel at a place, pixel centres at halves, the border repeated outwards. */
function bilinear(data: Uint8Array, width: number, height: number, x: number, y: number): number {
  const at = (column: number, row: number) => {
    const [c, r] = [Math.min(width - 1, Math.max(0, column)), Math.min(height - 1, Math.max(0, row))];
    return data[(r * width + c) * 3]!;
  };
  const [left, top] = [Math.floor(x - 0.5), Math.floor(y - 0.5)];
  const [u, v] = [x - 0.5 - left, y - 0.5 - top];
  const upper = at(left, top) * (1 - u) + at(left + 1, top) * u;
  return upper * (1 - v) + (at(left, top + 1) * (1 - u) + at(left + 1, top + 1) * u) * v;
}
