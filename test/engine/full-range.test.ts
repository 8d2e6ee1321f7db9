import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import type { Detector, Pixels } from "../../src/core/detector.ts";
import { profiles } from "../../src/core/policy.ts";
import type { Box, Region } from "../../src/core/region.ts";
import { iou } from "../../src/core/region.ts";
import { createFullRangeDetector } from "../../src/engine/full-range.ts";

const astronaut = fileURLToPath(new URL("../fixtures/astronaut.png", import.meta.url));
/** From hairline to chin and ear to ear in the 512 x 512 portrait, drawn by hand. */
const truth: Box = { x: 178, y: 64, width: 94, height: 116 };

describe("the Full Range detector", () => {
  let detector: Detector;
  before(async () => {
    detector = await createFullRangeDetector();
  });

  it("says which published model it runs", () => {
    assert.equal(detector.name, "mediapipe-full-range");
    assert.match(detector.digest, /^99bf9494[0-9a-f]{56}$/);
  });

  for (const profile of profiles) {
    it(`finds the one face of a portrait and boxes it as a person would (${profile})`, async () => {
      const faces = certain(await detector.detect(await portrait(512), { profile }));
      assert.equal(faces.length, 1);
      assert.ok(iou(faces[0]!.box, truth) > 0.75, JSON.stringify(faces[0]!.box));
    });

    it(`finds a face that fills the picture (${profile})`, async () => {
      const { data, info } = await sharp(astronaut)
        .removeAlpha()
        .extract({ left: 172, top: 76, width: 104, height: 112 })
        .resize(1040, 1120)
        .raw()
        .toBuffer({ resolveWithObject: true });
      const faces = certain(await detector.detect(pixelsOf(data, info), { profile }));
      assert.ok(faces.some(({ box }) => box.height > 900 && box.width > 700));
    });
  }

  it("gives six keypoints in their order: eyes above nose above mouth, the right eye at the left", async () => {
    const [face] = await detector.detect(await portrait(512), { profile: "balanced" });
    const [rightEye, leftEye, nose, mouth, rightEar, leftEar] = face!.keypoints!;
    assert.ok(rightEye!.x < leftEye!.x && rightEar!.x < rightEye!.x && leftEar!.x > leftEye!.x);
    assert.ok(rightEye!.y < nose!.y && nose!.y < mouth!.y);
  });

  it("finds her at a height of 30 pixels in a picture of one megapixel", async () => {
    const small = await scene(1152, 896, [{ left: 700, top: 300, size: 132 }]);
    const faces = certain(await detector.detect(small, { profile: "balanced" }));
    assert.ok(faces.some(({ box }) => iou(box, placed(700, 300, 132)) > 0.6));
  });

  it("finds each face once in a large picture, wherever the borders of its tiles run", async () => {
    const spots = [5, 515, 527, 540, 1120, 1133, 1740, 1755].map((left, index) => ({
      left,
      top: 20 + index * 190,
      size: 180,
    }));
    const large = await scene(2300, 1700, spots);
    const faces = certain(await detector.detect(large, { profile: "thorough" }));
    for (const { left, top, size } of spots) {
      const here = faces.filter(({ box }) => iou(box, placed(left, top, size)) > 0.3);
      assert.equal(here.length, 1, `at ${left}, ${top}`);
      assert.ok(iou(here[0]!.box, placed(left, top, size)) > 0.65, `at ${left}, ${top}`);
    }
  });

  it("lets the box of a face that the border cuts reach past the border", async () => {
    const { data, info } = await sharp(astronaut)
      .removeAlpha()
      .extract({ left: 215, top: 0, width: 297, height: 400 })
      .raw()
      .toBuffer({ resolveWithObject: true });
    const [face] = await detector.detect(pixelsOf(data, info), { profile: "balanced" });
    assert.ok(face!.box.x < 0, JSON.stringify(face!.box));
  });

  it("finds a face that alpha hides, and one that shows only through alpha", async () => {
    const { data, width, height } = await portrait(512);
    const hidden = withAlpha(data, () => 0);
    const stencil = withAlpha(new Uint8Array(data.length), (pixel) => 255 - data[pixel * 3 + 1]!);
    for (const rgba of [hidden, stencil]) {
      const faces = await detector.detect({ data: rgba, width, height, channels: 4 }, { profile: "balanced" });
      assert.ok(faces.some(({ box }) => iou(box, truth) > 0.5));
    }
  });

  it("gives the same regions for the same picture, and fewer for a higher score", async () => {
    const picture = await portrait(512);
    const first = await detector.detect(picture, { profile: "balanced", minScore: 0.15 });
    assert.deepEqual(await detector.detect(picture, { profile: "balanced", minScore: 0.15 }), first);
    const sure = await detector.detect(picture, { profile: "balanced", minScore: 0.8 });
    assert.deepEqual(
      sure,
      first.filter(({ score }) => score >= 0.8),
    );
    assert.ok(sure.length < first.length);
  });

  it("does not change the pixels that it is given", async () => {
    const picture = await portrait(512);
    const copy = Uint8Array.from(picture.data);
    await detector.detect(picture, { profile: "fast" });
    assert.deepEqual(Uint8Array.from(picture.data), copy);
  });

  it("finds nothing in plain colour and gradients, and takes pictures of any shape", async () => {
    for (const [width, height] of [
      [1, 1],
      [3, 2000],
      [2000, 2],
      [31, 33],
      [640, 480],
    ] as const) {
      const data = Uint8Array.from({ length: width * height * 3 }, (_, index) => Math.floor(index / 3 / width) % 256);
      assert.deepEqual(await detector.detect({ data, width, height, channels: 3 }, { profile: "balanced" }), []);
    }
  });
});

function certain(regions: readonly Region[]): Region[] {
  return regions.filter(({ score }) => score >= 0.8);
}

async function portrait(size: number): Promise<Pixels> {
  const { data, info } = await sharp(astronaut)
    .removeAlpha()
    .resize(size, size)
    .raw()
    .toBuffer({ resolveWithObject: true });
  return pixelsOf(data, info);
}

function pixelsOf(data: Uint8Array, { width, height }: { readonly width: number; readonly height: number }): Pixels {
  return { data, width, height, channels: 3 };
}

/** The portrait, `size` pixels wide, at each of the places on grey. */
async function scene(
  width: number,
  height: number,
  spots: readonly { left: number; top: number; size: number }[],
): Promise<Pixels> {
  const layers = spots.map(async ({ left, top, size }) => ({
    input: await sharp(astronaut).resize(size, size).png().toBuffer(),
    left,
    top,
  }));
  const { data, info } = await sharp({ create: { width, height, channels: 3, background: "#777" } })
    .composite(await Promise.all(layers))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return pixelsOf(data, info);
}

function placed(left: number, top: number, size: number): Box {
  const scale = size / 512;
  return {
    x: left + truth.x * scale,
    y: top + truth.y * scale,
    width: truth.width * scale,
    height: truth.height * scale,
  };
}

function withAlpha(colours: Uint8Array, alphaOf: (pixel: number) => number): Uint8Array {
  return Uint8Array.from({ length: (colours.length / 3) * 4 }, (_, index) => {
    const pixel = Math.floor(index / 4);
    return index % 4 === 3 ? alphaOf(pixel) : colours[pixel * 3 + (index % 4)]!;
  });
}
