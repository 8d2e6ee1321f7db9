import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import sharp, { type Sharp } from "sharp";
import { coverOfPicture } from "../../src/core/cover.ts";
import { defaultPolicy, styles } from "../../src/core/policy.ts";
import type { Region } from "../../src/core/region.ts";
import { openPicture } from "../../src/engine/image-medium.ts";
import { portraitFace, portraitPath } from "../fixtures/scenes.ts";

const limits = { maxBytes: 2 ** 26, maxPixels: 50e6, maxFrames: 20 };
const detector = { name: "none", digest: "", detect: async () => [] };
/** The part of the portrait that is looked at: the face, and as much around it. */
const part = { left: 80, top: 0, width: 300, height: 280 };
const box = { ...portraitFace, x: portraitFace.x - part.left };
const regions: readonly Region[] = [{ kind: "face", box, score: 1 }];
let folder = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "veil-untouched-"));
});
after(() => rm(folder, { recursive: true }));

/** Stored values as they are, whatever profile they are in, four channels. */
async function stored(file: Buffer | string): Promise<{ data: Buffer; width: number; height: number }> {
  const image = sharp(file, { ignoreIcc: true }).toColourspace("srgb").ensureAlpha();
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

async function assertUntouched(original: Buffer, say: string): Promise<void> {
  const path = join(folder, randomUUID());
  await writeFile(path, original);
  const picture = await openPicture(path, { limits, scratch: folder, detector });
  const was = await stored(original);
  for (const style of styles) {
    const out = join(folder, randomUUID());
    const policy = { ...defaultPolicy, style };
    await picture.render(regions, policy, out);
    const is = await stored(out);
    assert.deepEqual([is.width, is.height], [was.width, was.height]);
    const { values } = coverOfPicture(was.width, was.height, regions, policy);
    let [outside, changed] = [0, 0];
    for (let i = 0; i < values.length; i++) {
      const same = was.data.readUInt32LE(4 * i) === is.data.readUInt32LE(4 * i);
      if (values[i] === 0) {
        outside++;
        if (!same) assert.fail(`${say}, ${style}: pixel ${i % was.width}, ${Math.floor(i / was.width)} changed`);
      } else if (!same) changed++;
    }
    assert.ok(
      outside > values.length / 3 && changed > 5000,
      `${say}, ${style}: ${outside} outside, ${changed} changed`,
    );
  }
}

describe("outside the masks every value is the same, bit for bit", () => {
  const portrait = () => sharp(portraitPath).extract(part);
  const half = () => portrait().ensureAlpha(0.5);
  const kinds: Record<string, () => Sharp | Promise<Sharp>> = {
    RGB: portrait,
    "RGB with a profile": () => portrait().withIccProfile("p3"),
    grey: () => portrait().toColourspace("b-w"),
    "RGBA that hides nothing": () => portrait().ensureAlpha(1),
    "RGBA half transparent": half,
    "RGBA half transparent with a profile": () => half().withIccProfile("p3"),
  };
  for (const [kind, make] of Object.entries(kinds)) {
    test(`PNG, ${kind}`, async () => {
      await assertUntouched(await (await make()).png({ compressionLevel: 1 }).toBuffer(), kind);
    });
  }
  test("PNG with a palette", async () => {
    await assertUntouched(await portrait().png({ palette: true, colours: 64 }).toBuffer(), "palette");
  });

  for (const [kind, make] of Object.entries(kinds)) {
    // A lossless WebP knows no grey.
    if (kind === "grey") continue;
    test(`lossless WebP, ${kind}`, async () => {
      await assertUntouched(await (await make()).webp({ lossless: true, effort: 0 }).toBuffer(), kind);
    });
  }

  for (const compression of ["none", "lzw", "deflate"] as const) {
    test(`TIFF, ${compression}`, async () => {
      for (const [kind, make] of Object.entries(kinds)) {
        await assertUntouched(await (await make()).tiff({ compression }).toBuffer(), kind);
      }
    });
  }
});
