import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { planTiles } from "../../src/core/tiles.ts";

const size = fc.integer({ min: 1, max: 6000 });

describe("tiles", () => {
  it("are one tile for a picture that fits", () => {
    const keep = { left: 0, top: 0, right: 640, bottom: 480 };
    assert.deepEqual(planTiles(630, 450, 768, 64), [{ x: 0, y: 0, width: 640, height: 480, keep }]);
  });

  it("have sides that are multiples of 32 and no longer than allowed", () => {
    fc.assert(
      fc.property(size, size, (width, height) => {
        for (const tile of planTiles(width, height, 768, 64)) {
          assert.ok(tile.width % 32 === 0 && tile.height % 32 === 0);
          assert.ok(tile.width > 0 && tile.width <= 768 && tile.height > 0 && tile.height <= 768);
        }
      }),
    );
  });

  it("keep every place exactly once", () => {
    fc.assert(
      fc.property(size, size, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (width, height, at) => {
        const [x, y] = [Math.floor(at * width), Math.floor((1 - at) * (height - 1))];
        const keepers = planTiles(width, height, 768, 64).filter(
          ({ x: left, y: top, keep }) =>
            x >= left + keep.left && x < left + keep.right && y >= top + keep.top && y < top + keep.bottom,
        );
        assert.equal(keepers.length, 1);
      }),
    );
  });

  it("see the margin around what they keep, wherever the picture has it", () => {
    fc.assert(
      fc.property(size, size, (width, height) => {
        for (const { x, y, keep, ...tile } of planTiles(width, height, 768, 64)) {
          assert.ok(keep.left >= Math.min(64, x + keep.left));
          assert.ok(keep.top >= Math.min(64, y + keep.top));
          assert.ok(tile.width - keep.right >= Math.min(64, width - x - keep.right));
          assert.ok(tile.height - keep.bottom >= Math.min(64, height - y - keep.bottom));
        }
      }),
    );
  });
});
