import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import sharp, { type Sharp } from "sharp";
import type { Detector, Pixels } from "../../src/core/detector.ts";
import { type Profile, profiles } from "../../src/core/policy.ts";
import type { Box, Region } from "../../src/core/region.ts";
import { iou } from "../../src/core/region.ts";
import { portraitPath, type SceneOptions, scene } from "../fixtures/scenes.ts";

/** From hairline to chin and ear to ear in the 512 x 512 portrait, drawn by hand. */
const truth: Box = { x: 178, y: 64, width: 94, height: 116 };

export interface DetectorSuite {
  readonly open: () => Promise<Detector>;
  readonly skip?: string | false;
  /** Score from which the portrait, clear and upright, is certain to be the only face. */
  readonly certain: number;
  /** What it can't find, of the names in `hard`: said, not hidden. */
  readonly misses?: readonly string[];
}

/** What every detector does, whichever network it runs. */
export function testDetector(name: string, { open, skip = false, certain, misses = [] }: DetectorSuite): void {
  describe(`the detector ${name}`, { skip }, () => {
    let detector: Detector;
    before(async () => {
      if (skip === false) detector = await open();
    });
    const sure = (regions: readonly Region[]) => regions.filter(({ score }) => score >= certain);

    for (const profile of profiles) {
      it(`finds the one face of a portrait and boxes it as a person would (${profile})`, async () => {
        const faces = sure(await detector.detect(await portrait(512), { profile }));
        assert.equal(faces.length, 1);
        assert.ok(iou(faces[0]!.box, truth) > 0.7, JSON.stringify(faces[0]!.box));
      });

      it(`finds a face that fills the picture (${profile})`, async () => {
        const { data, info } = await sharp(portraitPath)
          .removeAlpha()
          .extract({ left: 172, top: 76, width: 104, height: 112 })
          .resize(1040, 1120)
          .raw()
          .toBuffer({ resolveWithObject: true });
        const faces = sure(await detector.detect(pixelsOf(data, info), { profile }));
        assert.ok(faces.some(({ box }) => box.height > 800 && box.width > 600));
      });
    }

    it("names its keypoints in their order: eyes above nose above mouth, the right eye at the left", async () => {
      const [face] = await detector.detect(await portrait(512), { profile: "balanced" });
      const [rightEye, leftEye, nose, mouth] = face!.keypoints!;
      assert.ok(rightEye!.x < leftEye!.x);
      assert.ok(rightEye!.y < nose!.y && nose!.y < mouth!.y);
    });

    it("finds her at a height of 30 pixels in a picture of one megapixel", async () => {
      const small = await spots(1152, 896, [{ left: 700, top: 300, size: 132 }]);
      const faces = await detector.detect(small, { profile: "balanced" });
      assert.ok(faces.some(({ box }) => iou(box, placed(700, 300, 132)) > 0.55));
    });

    it("finds each face once in a large picture, wherever the borders of its tiles run", async () => {
      const places = [5, 515, 527, 540, 1120, 1133, 1740, 1755].map((left, index) => ({
        left,
        top: 20 + index * 190,
        size: 180,
      }));
      const large = await spots(2300, 1700, places);
      const faces = sure(await detector.detect(large, { profile: "thorough" }));
      for (const { left, top, size } of places) {
        const here = faces.filter(({ box }) => iou(box, placed(left, top, size)) > 0.3);
        assert.equal(here.length, 1, `at ${left}, ${top}`);
        assert.ok(iou(here[0]!.box, placed(left, top, size)) > 0.6, `at ${left}, ${top}`);
      }
    });

    it("lets the box of a face that the border cuts reach past the border", async () => {
      const { data, info } = await sharp(portraitPath)
        .removeAlpha()
        .extract({ left: 205, top: 0, width: 307, height: 400 })
        .raw()
        .toBuffer({ resolveWithObject: true });
      const [face] = await detector.detect(pixelsOf(data, info), { profile: "balanced" });
      assert.ok(face!.box.x < 0, JSON.stringify(face!.box));
    });

    it("finds a face on the seam of a panorama, once at each end", async () => {
      const wide = await scene({ width: 2400, height: 1200, faces: [{ x: 1200, y: 600, height: 200 }] });
      const { data } = await sharp(wide.png).raw().toBuffer({ resolveWithObject: true });
      // Turned by half: the face's middle is now at the seam.
      const row = 2400 * 3;
      const turned = Buffer.alloc(data.length);
      for (let y = 0; y < 1200; y++) {
        data.copy(turned, y * row, y * row + row / 2, (y + 1) * row);
        data.copy(turned, y * row + row / 2, y * row, y * row + row / 2);
      }
      const faces = await detector.detect(pixelsOf(turned, { width: 2400, height: 1200 }), { profile: "balanced" });
      const centres = faces.map(({ box }) => Math.round((box.x + box.width / 2) / 100) * 100);
      assert.ok(centres.includes(0) && centres.includes(2400), `${centres}`);
    });

    for (const [what, make] of Object.entries(hard)) {
      const missed = misses.includes(what);
      it(`${missed ? "does not find" : "finds"} ${what}`, async () => {
        const { options, alter, profile = "balanced" } = make;
        const composed = await scene({ width: 900, height: 700, ...options });
        const image = sharp(composed.png);
        const { data, info } = await (alter?.(image) ?? image).raw().toBuffer({ resolveWithObject: true });
        const faces = await detector.detect(pixelsOf(data, info), { profile });
        const found = composed.truth.every((face) => faces.some(({ box }) => iou(box, face) > 0.3));
        assert.equal(found, !missed, JSON.stringify(faces.map(({ box, score }) => ({ box, score }))));
      });
    }

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
      const first = await detector.detect(picture, { profile: "balanced", minScore: 0.1 });
      assert.deepEqual(await detector.detect(picture, { profile: "balanced", minScore: 0.1 }), first);
      const higher = await detector.detect(picture, { profile: "balanced", minScore: certain });
      assert.deepEqual(
        higher,
        first.filter(({ score }) => score >= certain),
      );
      assert.equal(higher.length, 1);
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
}

interface HardFace {
  readonly options: Pick<SceneOptions, "faces">;
  readonly alter?: (image: Sharp) => Sharp;
  readonly profile?: Profile;
}

/** One face of 160 pixels in the middle, made hard to find. */
function middle(extra: { rotate?: number } = {}): Pick<SceneOptions, "faces"> {
  return { faces: [{ x: 450, y: 350, height: 160, ...extra }] };
}

function patch(left: number, top: number, width: number, height: number, background: string) {
  return (image: Sharp) =>
    image.composite([{ input: { create: { width, height, channels: 3, background } }, left, top }]).removeAlpha();
}

/** Faces that detectors tend to miss, all made from the portrait. */
const hard: Readonly<Record<string, HardFace>> = {
  "a face under a surgical mask": { options: middle(), alter: patch(385, 352, 130, 85, "#9cc6d8") },
  "a face covered on its left half": { options: middle(), alter: patch(450, 250, 110, 200, "#3a3f4a") },
  "a face behind dark glasses": { options: middle(), alter: patch(380, 318, 140, 34, "#111") },
  "a face tilted by 30 degrees": { options: middle({ rotate: 30 }) },
  "a head that lies on its side": { options: middle({ rotate: 90 }), profile: "thorough" },
  "a head that lies on its other side": { options: middle({ rotate: 270 }), profile: "thorough" },
  "a face upside down": { options: middle({ rotate: 180 }), profile: "thorough" },
  "a face in the dark": { options: middle(), alter: (image) => image.linear(0.12, 0) },
  "a face out of focus": { options: middle(), alter: (image) => image.blur(7) },
  "a face in grey and little contrast": {
    options: middle(),
    alter: (image) => image.modulate({ saturation: 0 }).linear(0.3, 90),
  },
  "a face cut by the left border": { options: { faces: [{ x: 10, y: 350, height: 200 }] } },
  "a face cut by the lower border": { options: { faces: [{ x: 450, y: 680, height: 200 }] } },
  "a face higher than half the picture": { options: { faces: [{ x: 450, y: 330, height: 520 }] } },
};

/** The portrait at another size. */
export async function portrait(size: number): Promise<Pixels> {
  const { data, info } = await sharp(portraitPath)
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
async function spots(
  width: number,
  height: number,
  places: readonly { left: number; top: number; size: number }[],
): Promise<Pixels> {
  const layers = places.map(async ({ left, top, size }) => ({
    input: await sharp(portraitPath).resize(size, size).png().toBuffer(),
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
