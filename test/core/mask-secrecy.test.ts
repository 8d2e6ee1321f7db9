import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import sharp from "sharp";
import { coverOfPicture } from "../../src/core/cover.ts";
import type { Pixels } from "../../src/core/detector.ts";
import { maskFrame } from "../../src/core/mask.ts";
import type { Policy } from "../../src/core/policy.ts";
import { strengths, styles } from "../../src/core/policy.ts";
import type { Box, Region } from "../../src/core/region.ts";

type Look = Pick<Policy, "style" | "strength">;

const face = (box: Box): Region => ({ kind: "face", box, score: 1 });
const number = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const boxes = fc.record({ x: number(-10, 90), y: number(-10, 80), width: number(1, 60), height: number(1, 70) });
const regions = fc.array(boxes.map(face), { minLength: 1, maxLength: 4 });
const looks = fc.record({ style: fc.constantFrom(...styles), strength: fc.constantFrom(...strengths) });
const channels = fc.constantFrom(3, 4) as fc.Arbitrary<3 | 4>;
const seeds = fc.integer({ min: 1, max: 1e6 });

test("two faces of like brightness give the same picture, to the last byte, whatever their features", () => {
  const band = fc.integer({ min: 0, max: 3 });
  fc.assert(
    fc.property(regions, looks, channels, band, seeds, seeds, (all, look, depth, brightness, a, b) => {
      const first = noisyPicture(depth);
      const second = { ...first, data: first.data.slice() };
      const { values } = coverOfPicture(first.width, first.height, all, look);
      for (const [picture, seed] of [
        [first, a],
        [second, b],
      ] as const)
        drawFaces(picture, values, seed, brightness);
      assert.deepEqual(masked(first, all, look), masked(second, all, look));
    }),
    { numRuns: 80 },
  );
});

test("of all faces one place can show a mask tells four apart, and none with solid or at strength maximum", () => {
  const all = [face({ x: 40, y: 35, width: 24, height: 32 })];
  for (const style of styles) {
    for (const strength of strengths) {
      const look = { style, strength };
      const seen = new Set<string>();
      for (let seed = 1; seed <= 64; seed++) {
        const picture = noisyPicture(3);
        const { values } = coverOfPicture(picture.width, picture.height, all, look);
        drawFaces(picture, values, seed, seed % 4);
        seen.add(Buffer.from(masked(picture, all, look)).toString("base64"));
      }
      assert.equal(seen.size, style === "solid" || strength === "maximum" ? 1 : 4, `${style} ${strength}`);
    }
  }
});

test("nothing of a real face's detail is left inside a mask, though plenty is under a plain blur", async () => {
  const original = await astronaut();
  const all = [face({ x: 180, y: 70, width: 90, height: 117 })];
  const { values } = coverOfPicture(original.width, original.height, all, { style: "blur", strength: "standard" });
  const gauss = await sharp(original.data, { raw: { width: original.width, height: original.height, channels: 3 } })
    .blur(5)
    .raw()
    .toBuffer();
  const detail = detailOf(original, original.data);
  const kept = correlation(detail, detailOf(original, gauss), values);
  assert.ok(kept > 0.2, String(kept));
  for (const style of styles) {
    for (const strength of strengths) {
      const left = correlation(detail, detailOf(original, masked(original, all, { style, strength })), values);
      assert.ok(Math.abs(left) < 0.05, `${style} ${strength}: ${left}`);
    }
  }
});

function masked(picture: Pixels, all: readonly Region[], look: Look): Uint8Array {
  const data = picture.data.slice();
  maskFrame({ ...picture, data }, all, look);
  return data;
}

function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function noisyPicture(depth: 3 | 4): Pixels {
  const next = numbers(7);
  const data = Uint8Array.from({ length: 110 * 100 * depth }, () => Math.floor(256 * next()));
  return { data, width: 110, height: 100, channels: depth };
}

/** Other features for each seed, at full strength only, all in one of the four bands of brightness. */
function drawFaces({ data, channels: depth }: Pixels, cover: Uint8Array, seed: number, brightness: number): void {
  const next = numbers(seed);
  for (let at = 0; at < cover.length; at++) {
    if (cover[at] !== 255) continue;
    for (let k = 0; k < 3; k++) data[depth * at + k] = 64 * brightness + Math.floor(64 * next());
    if (depth === 4) data[depth * at + 3] = 1 + Math.floor(255 * next());
  }
}

async function astronaut(): Promise<Pixels> {
  const path = fileURLToPath(new URL("../fixtures/astronaut.png", import.meta.url));
  const { data, info } = await sharp(path).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: 3 };
}

/** Green less its mean over the 9 x 9 pixels around: a tenth of the face's width. */
function detailOf({ width, height }: Pixels, data: Uint8Array): Float64Array {
  const detail = new Float64Array(width * height);
  for (let y = 4; y < height - 4; y++) {
    for (let x = 4; x < width - 4; x++) {
      let sum = 0;
      for (let v = y - 4; v <= y + 4; v++) for (let u = x - 4; u <= x + 4; u++) sum += data[3 * (v * width + u) + 1]!;
      detail[y * width + x] = data[3 * (y * width + x) + 1]! - sum / 81;
    }
  }
  return detail;
}

/** Pearson's, over the pixels at full strength; 0 where one of them has no detail at all. */
function correlation(a: Float64Array, b: Float64Array, cover: Uint8Array): number {
  const at = [...cover.keys()].filter((index) => cover[index] === 255);
  const mean = (values: Float64Array) => at.reduce((sum, index) => sum + values[index]!, 0) / at.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (const index of at) {
    ab += (a[index]! - meanA) * (b[index]! - meanB);
    aa += (a[index]! - meanA) ** 2;
    bb += (b[index]! - meanB) ** 2;
  }
  return aa * bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
}
