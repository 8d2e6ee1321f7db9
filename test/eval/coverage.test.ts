import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import sharp from "sharp";
import { coverOfPicture } from "../../src/core/cover.ts";
import { maskFrame } from "../../src/core/mask.ts";
import { styles } from "../../src/core/policy.ts";
import type { Region } from "../../src/core/region.ts";
import { coveredShare, leastCovered, maskedUpTo } from "../../src/eval/coverage.ts";
import { detailOf, isVisible } from "../../src/eval/detail.ts";
import { uprightBox } from "../../src/eval/upright.ts";
import { pixelsOf } from "../fixtures/pixels.ts";
import { crowd } from "../fixtures/scenes.ts";

const look = { style: "blur", strength: "standard" } as const;
const size = { width: 300, height: 200 };
const box = fc.record({
  x: fc.double({ min: -20, max: 280, noNaN: true }),
  y: fc.double({ min: -20, max: 180, noNaN: true }),
  width: fc.double({ min: 3, max: 80, noNaN: true }),
  height: fc.double({ min: 3, max: 80, noNaN: true }),
});
const region = fc.record({ box, score: fc.double({ min: 0.01, max: 1, noNaN: true }) });

describe("the share of a face that is masked", () => {
  const face = { x: 100, y: 60, width: 40, height: 50 };
  const shareUnder = (...regions: Region[]) =>
    coveredShare(face, coverOfPicture(size.width, size.height, regions, look))!;

  test("is all of it under its own region, and nothing without one", () => {
    assert.equal(shareUnder({ kind: "face", score: 1, box: face }), 1);
    assert.equal(shareUnder(), 0);
    assert.equal(shareUnder({ kind: "face", score: 1, box: { ...face, x: 220 } }), 0);
  });

  test("is a part of it under a region beside it, and what lies outside the picture is not asked for", () => {
    const half = shareUnder({ kind: "face", score: 1, box: { ...face, x: face.x + 42 } });
    assert.ok(half > 0.1 && half < leastCovered, `${half}`);
    assert.equal(coveredShare({ ...face, x: 400 }, coverOfPicture(300, 200, [], look)), undefined);
  });

  test("the threshold up to which a face is masked is where its leak begins, whatever the regions", () => {
    fc.assert(
      fc.property(
        box,
        fc.array(region, { maxLength: 6 }),
        fc.double({ min: 0.02, max: 1, noNaN: true }),
        (face, found, at) => {
          const regions = found.map((one): Region => ({ kind: "face", ...one }));
          const [upTo] = maskedUpTo([face], regions, size, look);
          const kept = regions.filter(({ score }) => score >= at);
          const share = coveredShare(face, coverOfPicture(size.width, size.height, kept, look));
          if (share !== undefined) assert.equal(share >= leastCovered, at <= upTo!);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("what the pixels alone say", () => {
  test("a face left alone is visible, a masked one of the same picture is not, in every style", async () => {
    const made = await crowd([160, 96, 64, 48, 32, 24, 18]);
    const original = { ...(await pixelsOf(made.png)), channels: 3 as const };
    // What is stored has gone through a lossy codec.
    const stored = {
      ...(await pixelsOf(await sharp(made.png).jpeg({ quality: 75 }).toBuffer())),
      channels: 3 as const,
    };
    for (const face of made.truth) assert.equal(isVisible(original, stored, face), true, `${face.height}`);
    for (const style of styles) {
      const masked = { ...original, data: Buffer.from(original.data) };
      const regions = made.truth.map((face): Region => ({ kind: "face", box: face, score: 1 }));
      maskFrame(masked, regions, { style, strength: "standard" });
      for (const face of made.truth) assert.equal(isVisible(original, masked, face), false, `${style} ${face.height}`);
      // A fifth of the face shines through.
      const thin = { ...masked, data: masked.data.map((value, at) => 0.8 * value + 0.2 * original.data[at]!) };
      for (const face of made.truth) assert.equal(isVisible(original, thin, face), true, `${style} ${face.height}`);
    }
  });

  test("they can't tell of fewer than 16 pixels, nor of what had no detail", () => {
    const flat = { data: new Uint8Array(300 * 200 * 3).fill(90), width: 300, height: 200, channels: 3 as const };
    assert.equal(detailOf(flat, flat, { x: 10, y: 10, width: 40, height: 40 }), undefined);
    assert.equal(detailOf(flat, flat, { x: 10, y: 10, width: 12, height: 15 }), undefined);
  });
});

test("a box as stored lies on the same thing in the upright picture, in all eight orientations", async () => {
  const [width, height] = [60, 40];
  const stored = { x: 7, y: 5, width: 20, height: 9 };
  const patch = await sharp({ create: { width: 20, height: 9, channels: 3, background: "#fff" } })
    .png()
    .toBuffer();
  const picture = await sharp({ create: { width, height, channels: 3, background: "#000" } })
    .composite([{ input: patch, left: 7, top: 5 }])
    .png()
    .toBuffer();
  for (let orientation = 1; orientation <= 8; orientation++) {
    const upright = await pixelsOf(await sharp(picture).withMetadata({ orientation }).png().toBuffer());
    const turned = uprightBox(stored, orientation, width, height);
    for (let y = 0; y < upright.height; y++) {
      for (let x = 0; x < upright.width; x++) {
        const inBox = x >= turned.x && x < turned.x + turned.width && y >= turned.y && y < turned.y + turned.height;
        assert.equal(upright.data[(y * upright.width + x) * 3]! > 128, inBox, `${orientation}: ${x}, ${y}`);
      }
    }
  }
});
