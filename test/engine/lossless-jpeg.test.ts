import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import sharp from "sharp";
import type { Region } from "../../src/core/region.ts";
import { readJpeg } from "../../src/engine/jpeg/read-jpeg.ts";
import { orientedJpeg } from "../fixtures/odd-files.ts";
import { pixelsOf } from "../fixtures/pixels.ts";
import type { Scene } from "../fixtures/scenes.ts";
import {
  assertLossless,
  assertSeen,
  cjpeg,
  lossless,
  maskIn,
  noTools,
  oddScene,
  regionsOf,
} from "./lossless-pictures.ts";

let folder = "";
let odd: Scene;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "veil-lossless-"));
  odd = await oddScene();
});
after(() => rm(folder, { recursive: true }));

const mask = (file: Buffer, regions: readonly Region[], policy = lossless) => maskIn(folder, file, regions, policy);

describe("the option lossless keeps every coefficient outside the masks", () => {
  for (const progressive of [false, true]) {
    for (const chromaSubsampling of ["4:4:4", "4:2:0"]) {
      test(`${progressive ? "progressive" : "baseline"} ${chromaSubsampling}`, async () => {
        for (const style of ["blur", "pixelate", "solid"] as const) {
          const original = await sharp(odd.png).jpeg({ quality: 92, progressive, chromaSubsampling }).toBuffer();
          const policy = { ...lossless, style };
          const made = await mask(original, regionsOf(odd), policy);
          await assertLossless(original, made, odd, policy);
          const { isProgressive, chromaSubsampling: kept } = await sharp(made).metadata();
          assert.deepEqual([isProgressive, kept], [progressive, chromaSubsampling]);
          assert.ok(made.length < original.length * 1.02);
        }
      });
    }
  }

  const kinds: Record<string, readonly string[]> = {
    "4:2:2": ["-sample", "2x1"],
    "4:4:0": ["-sample", "1x2"],
    "4:1:1": ["-sample", "4x1"],
    "4:1:0": ["-sample", "4x2"],
    "grey with restart markers": ["-grayscale", "-restart", "3B"],
    "4:2:0 with restart markers": ["-sample", "2x2", "-restart", "7B"],
    "progressive 4:2:2 with restart markers": ["-sample", "2x1", "-progressive", "-restart", "1"],
    "progressive grey": ["-grayscale", "-progressive"],
    "luma sampled less than chroma": ["-sample", "1x1,2x2,1x1"],
    "RGB without conversion": ["-rgb"],
    "one scan a component": ["-sample", "2x2", "-scans"],
    "the worst quality": ["-quality", "1", "-sample", "2x2"],
    "the best quality": ["-quality", "100", "-sample", "1x1", "-optimize"],
  };
  for (const [name, args] of Object.entries(kinds)) {
    test(name, { skip: noTools }, async () => {
      const scans = join(folder, "scans.txt");
      await writeFile(scans, "0;\n1;\n2;\n");
      const original = await cjpeg(args.at(-1) === "-scans" ? [...args, scans] : args, odd.png);
      await assertLossless(original, await mask(original, regionsOf(odd)), odd);
    });
  }

  test("a picture of a few pixels, and one without a face", async () => {
    for (const [width, height] of [
      [1, 1],
      [7, 19],
      [16, 16],
    ]) {
      const tiny = await sharp(odd.png).resize(width, height, { fit: "fill" }).jpeg().toBuffer();
      const region: Region = { kind: "face", box: { x: 0, y: 0, width: 1, height: 1 }, score: 1 };
      assert.equal((await sharp(await mask(tiny, [region])).metadata()).width, width);
    }
    const made = await mask(odd.jpeg, []);
    assert.deepEqual(await pixelsOf(made), await pixelsOf(odd.jpeg));
    assert.ok(made.length < odd.jpeg.length + 100);
  });

  test("saturated noise, which no subsampling follows, does not make it refuse", async () => {
    const noise = Buffer.alloc(3 * 200 * 200);
    for (let at = 0, state = 1; at < noise.length; at++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
      noise[at] = state < 0 ? 255 : 0;
    }
    const png = await sharp(noise, { raw: { width: 200, height: 200, channels: 3 } })
      .png()
      .toBuffer();
    const box = { x: 80, y: 80, width: 25, height: 30 };
    for (const quality of [10, 50, 90]) {
      for (const style of ["blur", "pixelate", "solid"] as const) {
        const original = await sharp(png).jpeg({ quality }).toBuffer();
        const made = await mask(original, [{ kind: "face", box, score: 1 }], { ...lossless, style });
        await assertLossless(original, made, { ...odd, truth: [box] }, { ...lossless, style });
      }
    }
  });
});

describe("orientation", () => {
  for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
    test(`${orientation} is masked upright and shown upright, and is all that is left of EXIF`, async () => {
      const original = await orientedJpeg(odd.png, orientation);
      const made = await mask(original, regionsOf(odd));
      assertSeen(await pixelsOf(original), await pixelsOf(made), odd);
      assert.equal((await sharp(made).metadata()).orientation, orientation === 1 ? undefined : orientation);
      const { exif } = await sharp(made).metadata();
      assert.equal(exif?.length, orientation === 1 ? undefined : 32);
      assert.equal(made.indexOf(Buffer.from([0xff, 0xd8, 0xff]), 2), -1, "a thumbnail came along");
      const [was, is] = [readJpeg(original), readJpeg(made)];
      assert.deepEqual([is.width, is.height], [was.width, was.height]);
    });
  }
});
