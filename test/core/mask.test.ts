import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { coverOfPicture } from "../../src/core/cover.ts";
import type { Pixels } from "../../src/core/detector.ts";
import { maskFrame } from "../../src/core/mask.ts";
import type { Policy } from "../../src/core/policy.ts";
import { strengths, styles } from "../../src/core/policy.ts";
import type { Box, Region } from "../../src/core/region.ts";
import { toProblem } from "../../src/errors.ts";

type Look = Pick<Policy, "style" | "strength">;

const blur: Look = { style: "blur", strength: "standard" };
const face = (box: Box): Region => ({ kind: "face", box, score: 1 });
const number = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const boxes = fc.record({ x: number(-60, 100), y: number(-60, 90), width: number(0, 70), height: number(0, 80) });
const regions = fc.array(boxes.map(face), { minLength: 1, maxLength: 5 });
const looks = fc.record({ style: fc.constantFrom(...styles), strength: fc.constantFrom(...strengths) });
const channels = fc.constantFrom(3, 4) as fc.Arbitrary<3 | 4>;

test("not a byte changes beyond the fading edge", () => {
  fc.assert(
    fc.property(regions, looks, channels, (all, look, depth) => {
      const original = noise(97, 83, depth);
      const cover = coverOfPicture(97, 83, all, look).values;
      const masked = maskedCopy(original, all, look);
      for (let at = 0; at < masked.length; at++) {
        if (cover[Math.floor(at / depth)] === 0 && masked[at] !== original.data[at]) assert.fail(`byte ${at}`);
      }
    }),
    { numRuns: 60 },
  );
});

test("the order of the regions does not matter, and the same input gives the same bytes", () => {
  const orders = regions.chain((all) =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length })),
  );
  fc.assert(
    fc.property(orders, looks, channels, ([all, shuffled], look, depth) => {
      const original = noise(97, 83, depth);
      const masked = maskedCopy(original, all, look);
      assert.deepEqual(masked, maskedCopy(original, all, look));
      assert.deepEqual(masked, maskedCopy(original, shuffled, look));
    }),
    { numRuns: 60 },
  );
});

test("a region that reaches beyond the picture masks the part within as if the picture went on", () => {
  for (const box of [
    { x: -20, y: 30, width: 40, height: 50 },
    { x: 75, y: 60, width: 60, height: 70 },
  ]) {
    const masked = {
      ...noise(97, 83, 3),
      data: maskedCopy(noise(97, 83, 3), [face(box)], { ...blur, style: "solid" }),
    };
    const { values } = coverOfPicture(97, 83, [face(box)], { ...blur, style: "solid" });
    assert.ok(values.includes(255));
    for (let at = 0; at < values.length; at++) if (values[at] === 255) assert.equal(masked.data[3 * at], 46);
  }
});

test("without regions, and with one far outside, the picture stays as it is", () => {
  const original = noise(40, 30, 3);
  for (const style of styles) {
    assert.deepEqual(maskedCopy(original, [], { ...blur, style }), original.data);
    const far = face({ x: 4000, y: -900, width: 30, height: 40 });
    assert.deepEqual(maskedCopy(original, [far], { ...blur, style }), original.data);
  }
});

test("a mask that covers all of a picture, down to a single pixel, leaves an even tone that tells nothing of it", () => {
  for (const [width, height] of [
    [1, 1],
    [2, 7],
    [64, 48],
  ] as const) {
    for (const style of styles) {
      const all = [face({ x: -500, y: -500, width: 1000, height: 1000 })];
      const look: Look = { style, strength: "maximum" };
      const masked = maskedCopy(noise(width, height, 3), all, look);
      assert.deepEqual(masked, maskedCopy(flat(width, height, [9, 200, 30]), all, look));
      if (style === "blur") assert.ok(greatestStep(masked, width, height, () => true) <= 8);
    }
  }
});

test("a box of bad numbers is refused before any region is masked", () => {
  const original = noise(97, 83, 3);
  const data = original.data.slice();
  const all = [face({ x: 20, y: 20, width: 20, height: 20 }), face({ x: Number.NaN, y: 1, width: 5, height: 5 })];
  assert.throws(
    () => maskFrame({ ...original, data }, all, blur),
    (error) => toProblem(error).code === "invalid-request",
  );
  assert.deepEqual(data, original.data);
});

test("a style or strength that is none is refused, never taken for no mask", () => {
  const original = noise(20, 20, 3);
  for (const bad of [{ style: "none" }, { strength: "weak" }, { style: undefined }, { strength: "__proto__" }]) {
    const look = { ...blur, ...bad } as Look;
    assert.throws(
      () => maskFrame(original, [face({ x: 5, y: 5, width: 9, height: 9 })], look),
      (error) => toProblem(error).code === "invalid-request",
    );
  }
});

test("a buffer that is not of the picture's size is refused", () => {
  const short = { ...noise(20, 20, 3), height: 21 };
  assert.throws(() => maskFrame(short, [face({ x: 5, y: 5, width: 9, height: 9 })], blur), /Expected 3 or 4 bytes/);
});

test("solid is one dark grey inside, laid over the picture once however many masks fade out there", () => {
  fc.assert(
    fc.property(regions, fc.constantFrom(...strengths), (all, strength) => {
      const look: Look = { style: "solid", strength };
      const original = noise(97, 83, 3).data;
      const masked = maskedCopy(noise(97, 83, 3), all, look);
      const { values } = coverOfPicture(97, 83, all, look);
      for (let at = 0; at < original.length; at++) {
        const cover = values[Math.floor(at / 3)]!;
        assert.equal(masked[at], Math.floor((46 * cover + original[at]! * (255 - cover) + 127) / 255));
      }
    }),
    { numRuns: 30 },
  );
});

test("a blur is soft: no two neighbours inside differ by more than a little, even on noise", () => {
  const all = [face({ x: 140, y: 120, width: 100, height: 130 })];
  const original = noise(400, 400, 3);
  const { values } = coverOfPicture(400, 400, all, blur);
  const inside = (at: number) => values[at] === 255;
  assert.ok(greatestStep(original.data, 400, 400, inside) > 200);
  assert.ok(greatestStep(maskedCopy(original, all, blur), 400, 400, inside) <= 8);
});

test("masks that touch or overlap have no seam between them", () => {
  const ramp = picture(500, 400, 3, (x, y) => [60 + x / 4, 150 - y / 5, 90 + y / 4]);
  const inRow = (gap: number) =>
    [0, 1, 2].map((n) => face({ x: 80 + n * gap, y: 120 + 20 * n, width: 60, height: 78 }));
  for (const gap of [40, 75, 104, 106, 108, 112, 120, 128]) {
    const masked = maskedCopy(ramp, inRow(gap), blur);
    const alone = maskedCopy(ramp, inRow(1000).slice(0, 1), blur);
    // As smooth as a single mask: two tones may lie nearer to each other, but nothing jumps.
    const single = greatestStep(alone, 500, 400, () => true);
    assert.ok(greatestStep(masked, 500, 400, () => true) <= 2 * single, `${gap} px apart`);
  }
});

test("a blur's softness follows the face: twice the picture, twice the mask", () => {
  const shape = (scale: number) =>
    picture(200 * scale, 200 * scale, 3, (x, y) => {
      const [u, v] = [x / scale, y / scale];
      return [128 + 90 * Math.sin(u / 17), 128 + 90 * Math.cos(v / 23), 128 + 60 * Math.sin((u + v) / 31)];
    });
  const all = (scale: number) => [face({ x: 70 * scale, y: 66 * scale, width: 60 * scale, height: 78 * scale })];
  const small = maskedCopy(shape(2), all(2), blur);
  const large = maskedCopy(shape(6), all(6), blur);
  let greatest = 0;
  for (let y = 0; y < 400; y++) {
    for (let x = 0; x < 400; x++) {
      const at = 3 * ((3 * y + 1) * 1200 + 3 * x + 1);
      greatest = Math.max(greatest, Math.abs(small[3 * (y * 400 + x)]! - large[at]!));
    }
  }
  assert.ok(greatest <= 12, `differs by ${greatest}`);
});

test("pixelate shows at most four cells across a face, two at maximum, each of one tone", () => {
  const box = { x: 150, y: 130, width: 90.7, height: 118 };
  for (const [strength, across] of [
    ["standard", 4],
    ["strong", 3],
    ["maximum", 2],
  ] as const) {
    const masked = maskedCopy(noise(400, 400, 3), [face(box)], { style: "pixelate", strength });
    const middle = 3 * 400 * Math.floor(box.y + box.height / 2);
    let edges = 0;
    for (let x = Math.ceil(box.x - 4.6); x < box.x + box.width + 4.6; x++) {
      const at = middle + 3 * x;
      if ([0, 1, 2].some((k) => masked[at + k] !== masked[at - 3 + k])) edges++;
    }
    // The cells lie about the face's middle, so that the detector's width cuts one more of them than it holds.
    assert.ok(edges > 1 && edges <= across, `${edges} edges for ${strength}`);
  }
});

test("a grey picture stays grey, and a colourful one gets a warm tone", () => {
  const all = [face({ x: 70, y: 60, width: 50, height: 65 })];
  for (const style of ["blur", "pixelate"] as const) {
    const grey = maskedCopy(
      picture(200, 200, 3, (x) => [x, x, x]),
      all,
      { ...blur, style },
    );
    for (let at = 0; at < grey.length; at += 3) assert.ok(grey[at] === grey[at + 1] && grey[at] === grey[at + 2]);
    const colour = maskedCopy(
      picture(200, 200, 3, (x) => [x / 2, x, 200 - x]),
      all,
      { ...blur, style },
    );
    const middle = 3 * (92 * 200 + 95);
    assert.ok(colour[middle]! > colour[middle + 2]! + 15);
  }
});

test("what alpha hides is masked too, and alpha itself keeps no trace", () => {
  const all = [face({ x: 70, y: 60, width: 50, height: 65 })];
  // All is as good as transparent, and alpha carries a pattern of its own.
  const hidden = picture(200, 200, 4, (x, y) => [x ^ y, x, y, (x + y) % 2]);
  const empty = picture(200, 200, 4, () => [0, 0, 0, 0]);
  for (const style of styles) {
    const look: Look = { style, strength: "maximum" };
    const masked = maskedCopy(hidden, all, look);
    const expected = maskedCopy(empty, all, look);
    const { values } = coverOfPicture(200, 200, all, look);
    for (let at = 0; at < values.length; at++) {
      if (values[at] !== 255) continue;
      assert.equal(masked[4 * at + 3], 255);
      for (let k = 0; k < 3; k++) assert.equal(masked[4 * at + k], expected[4 * at + k]);
    }
  }
});

test("at the fading edge the mask lies over a transparent picture without taking on its hidden colours", () => {
  const all = [face({ x: 70, y: 60, width: 50, height: 65 })];
  const reddish = picture(200, 200, 4, () => [255, 0, 0, 0]);
  const masked = maskedCopy(reddish, all, blur);
  const { values } = coverOfPicture(200, 200, all, blur);
  for (let at = 0; at < values.length; at++) {
    if (values[at] === 0) continue;
    assert.equal(masked[4 * at + 3], values[at]);
    assert.ok(masked[4 * at]! < 200 && masked[4 * at + 2]! > 60, `pixel ${at}`);
  }
});

test("an opaque picture is masked alike with and without an alpha channel", () => {
  const all = [face({ x: 30.3, y: 25.7, width: 20, height: 26 }), face({ x: 60, y: 40, width: 15, height: 20 })];
  const plain = noise(97, 83, 3);
  const opaque = picture(97, 83, 4, (x, y) => {
    const at = 3 * (y * 97 + x);
    return [plain.data[at]!, plain.data[at + 1]!, plain.data[at + 2]!, 255];
  });
  for (const style of styles) {
    const masked = maskedCopy(opaque, all, { ...blur, style });
    const expected = maskedCopy(plain, all, { ...blur, style });
    assert.ok(masked.every((value, at) => value === (at % 4 === 3 ? 255 : expected[3 * (at >> 2) + (at % 4)])));
  }
});

function maskedCopy(original: Pixels, all: readonly Region[], look: Look): Uint8Array {
  const data = original.data.slice();
  maskFrame({ ...original, data }, all, look);
  return data;
}

function picture(width: number, height: number, depth: 3 | 4, colour: (x: number, y: number) => number[]): Pixels {
  const data = new Uint8Array(width * height * depth);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set(colour(x, y), (y * width + x) * depth);
  }
  return { data, width, height, channels: depth };
}

function flat(width: number, height: number, colour: number[]): Pixels {
  return picture(width, height, 3, () => colour);
}

function noise(width: number, height: number, depth: 3 | 4): Pixels {
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
  return picture(width, height, depth, () => Array.from({ length: depth }, next));
}

/** The greatest difference of a channel between neighbours of which both are `among` those looked at. */
function greatestStep(data: Uint8Array, width: number, height: number, among: (at: number) => boolean): number {
  let greatest = 0;
  for (let at = 0; at < width * height; at++) {
    if (!among(at)) continue;
    for (const next of [at + 1, at + width]) {
      if (next >= width * height || (next === at + 1 && next % width === 0) || !among(next)) continue;
      for (let k = 0; k < 3; k++) greatest = Math.max(greatest, Math.abs(data[3 * at + k]! - data[3 * next + k]!));
    }
  }
  return greatest;
}
