import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { clustersOf } from "../../src/core/cluster.ts";
import { coverOfPicture, masksOf } from "../../src/core/cover.ts";
import { ellipseOf, inside } from "../../src/core/ellipse.ts";
import type { Strength, Style } from "../../src/core/policy.ts";
import { strengths, styles } from "../../src/core/policy.ts";
import type { Box, Region } from "../../src/core/region.ts";
import { toProblem } from "../../src/errors.ts";

const face = (box: Box): Region => ({ kind: "face", box, score: 1 });
const number = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const boxes = fc.record({ x: number(-80, 140), y: number(-80, 140), width: number(0, 90), height: number(0, 90) });
const looks = fc.record({ style: fc.constantFrom(...styles), strength: fc.constantFrom(...strengths) });

test("at standard strength the ellipse fills the box grown by .35, .60 and .30 of the detector's width", () => {
  const ellipse = ellipseOf({ x: 100, y: 200, width: 90.7, height: 118.3 }, "standard");
  assert.ok(Math.abs(ellipse.cx - ellipse.rx - (100 - 35 - 1)) < 1e-9);
  assert.ok(Math.abs(ellipse.cx + ellipse.rx - (190.7 + 35 + 1)) < 1e-9);
  assert.ok(Math.abs(ellipse.cy - ellipse.ry - (200 - 60 - 1)) < 1e-9);
  assert.ok(Math.abs(ellipse.cy + ellipse.ry - (318.3 + 30 + 1)) < 1e-9);
});

test("every pixel that a box touches is hidden at full strength, whatever the box's shape", () => {
  fc.assert(
    fc.property(boxes, fc.constantFrom(...strengths), (box, strength) => {
      const ellipse = ellipseOf(box, strength);
      for (const x of [box.x, box.x + box.width]) {
        for (const y of [box.y, box.y + box.height]) assert.ok(inside(ellipse, Math.floor(x), Math.floor(y)));
      }
    }),
  );
});

test("a stronger mask hides all that a weaker one hides, and more", () => {
  const whole = strengths.map((strength) => {
    return cover([{ x: 60, y: 60, width: 30, height: 40 }], "solid", strength).filter((value) => value === 255).length;
  });
  assert.ok(whole[1]! > 1.1 * whole[0]! && whole[2]! > 1.2 * whole[0]!, String(whole));
  fc.assert(
    fc.property(boxes, fc.constantFrom(...styles), (box, style) => {
      const [standard, strong, maximum] = strengths.map((strength) => cover([box], style, strength));
      for (let at = 0; at < standard!.length; at++) {
        if (standard![at] === 255) assert.equal(strong![at], 255);
        if (strong![at] === 255) assert.equal(maximum![at], 255);
      }
    }),
    { numRuns: 40 },
  );
});

test("the cover is full exactly inside the ellipses, and all masks together cover no less than each alone", () => {
  fc.assert(
    fc.property(fc.array(boxes, { minLength: 1, maxLength: 4 }), looks, (all, { style, strength }) => {
      const together = cover(all, style, strength);
      const ellipses = all.map((box) => ellipseOf(box, strength));
      for (let at = 0; at < together.length; at++) {
        const [x, y] = [at % side, Math.floor(at / side)];
        assert.equal(
          together[at] === 255,
          ellipses.some((ellipse) => inside(ellipse, x, y)),
          `pixel ${x}, ${y}`,
        );
      }
      for (const box of all) {
        for (const [at, value] of cover([box], style, strength).entries()) assert.ok(together[at]! >= value);
      }
    }),
    { numRuns: 40 },
  );
});

test("a blur fades out in steps too small to see, a solid mask within a few pixels", () => {
  const box = { x: 60, y: 70, width: 30, height: 40 };
  const ellipse = ellipseOf(box, "standard");
  const row = (style: Style) => {
    const values = cover([box], style, "standard");
    const start = Math.floor(ellipse.cy) * side + Math.ceil(ellipse.cx);
    return [...values.subarray(start, start + side / 2)];
  };
  const fading = (values: number[]) => values.filter((value) => value > 0 && value < 255).length;
  assert.ok(fading(row("blur")) >= 4);
  assert.ok(fading(row("solid")) <= 2);
  for (const style of styles)
    assert.deepEqual(
      row(style),
      row(style).toSorted((a, b) => b - a),
    );
});

test("a box without a size still hides the pixel under it, and one far outside hides nothing", () => {
  const point = cover([{ x: 50.4, y: 60.6, width: 0, height: 0 }], "solid", "standard");
  assert.equal(point[60 * side + 50], 255);
  assert.ok(point.filter((value) => value === 255).length <= 5);
  assert.ok(cover([{ x: -500, y: 30, width: 40, height: 50 }], "blur", "maximum").every((value) => value === 0));
});

test("a box as large as numbers allow covers the whole picture at once", () => {
  assert.ok(cover([{ x: -4e8, y: -4e8, width: 9e8, height: 9e8 }], "blur", "standard").every((value) => value === 255));
});

test("a box that is not made of finite numbers, or has a negative size, is refused by name", () => {
  const good = { x: 1, y: 2, width: 3, height: 4 };
  const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300, undefined as unknown as number];
  for (const key of ["x", "y", "width", "height"]) {
    for (const value of bad) assertRefused({ ...good, [key]: value });
  }
  assertRefused({ ...good, width: -1 });
  assertRefused({ ...good, height: -0.001 });
});

test("masks that touch form one cluster and masks apart form several, each with its masks in order", () => {
  const at = (x: number) => face({ x, y: 100, width: 40, height: 50 });
  const clusters = clustersOf(masksOf([at(900), at(170), at(100)], { style: "blur", strength: "standard" }), 1200, 400);
  assert.deepEqual(
    clusters.map(({ masks }) => masks.map(({ box }) => box.x)),
    [[100, 170], [900]],
  );
});

const side = 150;

function cover(all: readonly Box[], style: Style, strength: Strength): Uint8Array {
  return coverOfPicture(side, side, all.map(face), { style, strength }).values;
}

function assertRefused(box: Box): void {
  assert.throws(
    () => ellipseOf(box, "standard"),
    (error) => toProblem(error).code === "invalid-request",
    JSON.stringify(box),
  );
}
