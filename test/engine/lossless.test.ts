import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import sharp from "sharp";
import { defaultPolicy, type Policy, policyDigest } from "../../src/core/policy.ts";
import type { Region } from "../../src/core/region.ts";
import { type OpenPicture, openPicture } from "../../src/engine/image-medium.ts";
import { toProblem } from "../../src/errors.ts";
import { framesOf, hiddenUnderAlpha } from "../fixtures/odd-files.ts";
import { detailCorrelation, meanDifference, pixelsOf } from "../fixtures/pixels.ts";
import { portraitFace, portraitPath } from "../fixtures/scenes.ts";
import { testData, withoutTestData } from "../fixtures/test-data.ts";

const lossless: Policy = { ...defaultPolicy, lossless: true };
const limits = { maxBytes: 2 ** 26, maxPixels: 300e6, maxFrames: 20 };
const region: Region = { kind: "face", box: portraitFace, score: 1 };
let folder = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "veil-exact-"));
});
after(() => rm(folder, { recursive: true }));

async function open(path: string): Promise<OpenPicture> {
  const detector = { name: "none", digest: "", detect: async () => [] };
  return openPicture(path, { limits, scratch: folder, detector });
}

async function mask(file: Buffer, regions: readonly Region[] = [region]): Promise<Buffer> {
  const [path, outPath] = [join(folder, randomUUID()), join(folder, randomUUID())];
  await writeFile(path, file);
  await (await open(path)).render(regions, lossless, outPath);
  return readFile(outPath);
}

describe("the option lossless in formats other than JPEG", () => {
  const portrait = () => sharp(portraitPath);
  const made: Record<string, () => Promise<Buffer>> = {
    png: () => portrait().png().toBuffer(),
    "png with alpha": async () => hiddenUnderAlpha(await portrait().png().toBuffer(), portraitFace),
    "png with a palette": () => portrait().png({ palette: true, colours: 32 }).toBuffer(),
    "webp without loss": () => portrait().webp({ lossless: true }).toBuffer(),
    "webp with loss": () => portrait().webp({ quality: 40 }).toBuffer(),
    "animated webp with loss": async () =>
      framesOf([await portrait().png().toBuffer(), await portrait().negate().png().toBuffer()], "webp"),
    "tiff with lzw": () => portrait().tiff({ compression: "lzw" }).toBuffer(),
    "tiff with jpeg inside": () => portrait().tiff({ compression: "jpeg", quality: 60 }).toBuffer(),
  };
  for (const [name, make] of Object.entries(made)) {
    test(`${name}: same format, and not a pixel outside the mask is another`, async () => {
      const original = await make();
      const file = await mask(original);
      assert.equal((await sharp(file).metadata()).format, name.replace("animated ", "").slice(0, 4).trim());
      const frames = (await sharp(original).metadata()).pages ?? 1;
      for (let page = 0; page < frames; page++) {
        const [was, is] = await Promise.all(
          [original, file].map(async (bytes) => pixelsOf(await sharp(bytes, { page }).png().toBuffer())),
        );
        assert.equal(
          meanDifference(was!, is!, (x, y) => x > 330 || y > 300),
          0,
        );
        assert.ok(Math.abs(detailCorrelation(was!, is!, portraitFace)) < 0.2);
      }
    });
  }
});

test("the option makes another policy; without it a policy's digest is what it was before there was one", () => {
  assert.equal(policyDigest(defaultPolicy), policyDigest({ ...defaultPolicy, lossless: false }));
  assert.notEqual(policyDigest(defaultPolicy), policyDigest(lossless));
  assert.equal(policyDigest(defaultPolicy), "334c283b8f1add57c1e9048b6317317b56179dcb31d71ee504915767ed766388");
});

/** Odd files of cameras and programs, JPEGs among them. */
const data = testData("formats");

test("JPEGs of many makers are masked without loss or refused by name", {
  skip: withoutTestData("formats"),
}, async () => {
  const names = (await readdir(data)).filter((name) => /\.jpe?g$/i.test(name) && !/giant/.test(name));
  const refused: string[] = [];
  let masked = 0;
  for (const name of names) {
    let picture: OpenPicture;
    try {
      picture = await open(join(data, name));
    } catch (error) {
      assert.ok(["unreadable", "unsupported"].includes(toProblem(error).code), `${name}: ${String(error)}`);
      continue;
    }
    const { width, height } = picture.header;
    const box = {
      x: Math.floor(width * 0.4),
      y: Math.floor(height * 0.4),
      width: 1 + width / 12,
      height: 1 + height / 10,
    };
    const outPath = join(folder, randomUUID());
    try {
      await picture.render([{ kind: "face", box, score: 1 }], lossless, outPath);
    } catch (error) {
      assert.ok(["unreadable", "unsupported"].includes(toProblem(error).code), `${name}: ${String(error)}`);
      refused.push(`${name}: ${toProblem(error).message}`);
      continue;
    }
    masked++;
    const [was, is] = [await pixelsOf(join(data, name)), await pixelsOf(outPath)];
    const far = (x: number, y: number) => x > width * 0.6 + 40 || y > height * 0.65 + 40;
    assert.equal(meanDifference(was, is, far), 0, name);
  }
  console.log(`${masked} masked without loss; refused: ${refused.join("; ")}`);
  assert.ok(masked > 0.8 * (masked + refused.length));
});
