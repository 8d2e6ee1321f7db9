import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { clustersOf } from "../../src/core/cluster.ts";
import { coverOfPicture, masksOf } from "../../src/core/cover.ts";
import { ellipseOf, inside, radiiSquared } from "../../src/core/ellipse.ts";
import type { Strength, Style } from "../../src/core/policy.ts";
import { strengths, styles } from "../../src/core/policy.ts";
import type { Box, Point, Region } from "../../src/core/region.ts";
import { rollOf } from "../../src/core/roll.ts";
import { toProblem } from "../../src/errors.ts";

const face = (box: Box): Region => ({ kind: "face", box, score: 1 });
const number = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const boxes = fc.record({ x: number(-80, 140), y: number(-80, 140), width: number(0, 90), height: number(0, 90) });
const sized = fc.record({ x: number(-40, 110), y: number(-40, 110), width: number(6, 60), height: number(6, 60) });
const angles = fc.oneof(number(0.27, 3.1), number(-3.1, -0.27));
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

test("a head that lies over is hidden along its own axes, as far as an upright one along the picture's", () => {
  fc.assert(
    fc.property(
      sized,
      angles,
      fc.constantFrom(...strengths),
      fc.constantFrom(4, 5, 6),
      (box, roll, strength, count) => {
        const keypoints = keypointsOf(box, roll, count);
        assert.ok(Math.abs(rollOf(keypoints, box) - roll) < 1e-6);
        const ellipse = ellipseOf(box, strength, keypoints);
        const upright = ellipseOf(box, strength);
        const margin = { x: upright.rx - box.width / 2, y: upright.ry - box.height / 2 };
        const [a, b] = [box.width / 2, box.height / 2];
        const [cos, sin] = [Math.cos(roll), Math.sin(roll)];
        assert.ok(ellipse.rx >= Math.hypot(a * cos, b * sin) + margin.x - 1e-6);
        assert.ok(ellipse.ry >= Math.hypot(a * sin, b * cos) + margin.y - 1e-6);
        // Whatever the angle, the ellipse inscribed in the box is hidden whole.
        for (let step = 0; step < 48; step++) {
          const t = (step * Math.PI) / 24;
          const x = box.x + a + a * Math.cos(t);
          const y = box.y + b + b * Math.sin(t);
          assert.ok(inside(ellipse, Math.floor(x), Math.floor(y)), `${x}, ${y}`);
        }
      },
    ),
  );
});

test("the cover of a tilted head is full exactly inside its ellipse, fades outside it, and grows with strength", () => {
  fc.assert(
    fc.property(sized, angles, fc.constantFrom(...styles), (box, roll, style) => {
      const region: Region = { ...face(box), keypoints: keypointsOf(box, roll, 6) };
      const covers = strengths.map((strength) => coverOfPicture(side, side, [region], { style, strength }).values);
      const ellipse = ellipseOf(box, "standard", region.keypoints);
      const outer = masksOf([region], { style, strength: "standard" })[0]!.outer;
      for (const [at, value] of covers[0]!.entries()) {
        const radius = Math.sqrt(radiiSquared(ellipse, at % side, Math.floor(at / side)));
        assert.equal(value === 255, radius <= 1, `pixel ${at}`);
        if (radius > outer) assert.equal(value, 0, `pixel ${at}`);
        if (value === 255) assert.ok(covers[1]![at] === 255 && covers[2]![at] === 255);
      }
    }),
    { numRuns: 40 },
  );
});

test("keypoints that contradict one another, are too few or are no numbers turn nothing", () => {
  const box = { x: 40, y: 40, width: 40, height: 50 };
  const good = keypointsOf(box, 1, 6);
  assert.notEqual(rollOf(good, box), 0);
  const [right, left, nose, mouth] = good as [Point, Point, Point, Point];
  for (const bad of [
    undefined,
    [],
    [right, left, nose],
    [left, right, nose, mouth],
    [right, left, nose, { x: (right.x + left.x) / 2, y: (right.y + left.y) / 2 }],
    [right, left, nose, { x: Number.NaN, y: 1 }],
    keypointsOf(box, 0.2, 6),
  ])
    assert.deepEqual(ellipseOf(box, "standard", bad), ellipseOf(box, "standard"));
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

/** As a detector gives them for a face of the box's middle and width that lies over by an angle. */
function keypointsOf(box: Box, roll: number, count: number): Point[] {
  const [cos, sin] = [Math.cos(roll), Math.sin(roll)];
  const unit = Math.max(box.width, box.height);
  const at = (u: number, v: number): Point => ({
    x: box.x + box.width / 2 + unit * (cos * u - sin * v),
    y: box.y + box.height / 2 + unit * (sin * u + cos * v),
  });
  const mouth = count === 5 ? [at(-0.15, 0.25), at(0.15, 0.25)] : [at(0, 0.25)];
  return [at(-0.2, -0.15), at(0.2, -0.15), at(0, 0.05), ...mouth, at(-0.45, 0), at(0.45, 0)].slice(0, count);
}

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
