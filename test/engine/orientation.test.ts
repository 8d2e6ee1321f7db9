import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import sharp, { type Sharp } from "sharp";
import type { Detector } from "../../src/core/detector.ts";
import { defaultPolicy, type Policy } from "../../src/core/policy.ts";
import { openPicture } from "../../src/engine/image-medium.ts";
import { framesOf } from "../fixtures/odd-files.ts";
import { detailCorrelation, meanDifference, pixelsOf } from "../fixtures/pixels.ts";
import { type Scene, scene } from "../fixtures/scenes.ts";
import { openBundled } from "./detectors.ts";

const policy: Policy = { ...defaultPolicy, profile: "fast", style: "solid" };
const limits = { maxBytes: 2 ** 26, maxPixels: 50e6, maxFrames: 20 };
let folder = "";
let detector: Detector;
let upright: Scene;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "veil-orientation-"));
  detector = await openBundled();
  // Not square, and the face in one corner: a wrong turn can't look right.
  // Composing needs SVG, which the engine bars for its files.
  sharp.unblock({ operation: ["VipsForeignLoadSvg"] });
  upright = await scene({ width: 360, height: 240, faces: [{ x: 90, y: 90, height: 90 }] });
  sharp.block({ operation: ["VipsForeignLoadSvg"] });
});
after(() => rm(folder, { recursive: true }));

/** What undoes each orientation; sharp mirrors before it turns. */
const inverse: Record<number, (image: Sharp) => Sharp> = {
  1: (image) => image,
  2: (image) => image.flop(),
  3: (image) => image.rotate(180),
  4: (image) => image.flip(),
  5: (image) => image.flop().rotate(270),
  6: (image) => image.rotate(270),
  7: (image) => image.flop().rotate(90),
  8: (image) => image.rotate(90),
};

async function masked(file: Buffer) {
  const [path, out] = [join(folder, randomUUID()), join(folder, randomUUID())];
  await writeFile(path, file);
  const picture = await openPicture(path, { limits, scratch: folder, detector });
  const regions = await picture.detect(policy);
  await picture.render(regions, policy, out);
  return { header: picture.header, regions, file: await readFile(out) };
}

/** The face's middle, where its features are. */
const middle = () => {
  const { x, y, width, height } = upright.truth[0]!;
  return { x: x + width * 0.1, y: y + height * 0.1, width: width * 0.8, height: height * 0.8 };
};

describe("each orientation is seen upright, masked on the face, and comes out upright", () => {
  for (const format of ["jpeg", "png", "webp", "avif", "tiff"] as const) {
    test(format, async () => {
      const plain = await pixelsOf(upright.png);
      for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
        const turned = await inverse[orientation]!(sharp(upright.png)).png().toBuffer();
        const options = {
          quality: 95,
          ...(format === "tiff" && { compression: "lzw" }),
          ...(format === "avif" && { effort: 0 }),
        };
        const original = await sharp(turned).withMetadata({ orientation }).toFormat(format, options).toBuffer();
        const shown = await pixelsOf(original);
        const say = `${format} ${orientation}`;
        assert.deepEqual([shown.width, shown.height], [360, 240], `${say}: the test picture is not upright`);
        assert.ok(meanDifference(plain, shown, () => true) < 5, `${say}: the test picture is not upright`);

        const { header, regions, file } = await masked(original);
        assert.deepEqual([header.width, header.height], [360, 240], say);
        assert.ok(regions.length >= 1, say);
        const stored = await sharp(file).metadata();
        assert.deepEqual([stored.width, stored.height, stored.orientation ?? 1], [360, 240, 1], say);
        const now = await pixelsOf(file);
        assert.ok(Math.abs(detailCorrelation(shown, now, middle())) < 0.1, `${say}: detail of the face survived`);
        assert.ok(meanDifference(shown, now, (x) => x > 220) < 3, say);
      }
    });
  }

  test("kept metadata says upright, whatever the original said", async () => {
    const file = await sharp(await inverse[6]!(sharp(upright.png)).png().toBuffer())
      .withExif({ IFD0: { Make: "Maker", Orientation: "6" } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const [path, out] = [join(folder, randomUUID()), join(folder, randomUUID())];
    await writeFile(path, file);
    const picture = await openPicture(path, { limits, scratch: folder, detector });
    await picture.render([], { ...policy, metadata: "keep-safe" }, out);
    const { width, height, orientation, exif } = await sharp(out).metadata();
    assert.deepEqual([width, height, orientation, exif!.includes("Maker")], [360, 240, 1, true]);
  });

  test("an animated WebP is turned frame by frame", async () => {
    for (const orientation of [2, 6, 7]) {
      const frame = await inverse[orientation]!(sharp(upright.png)).png().toBuffer();
      const animation = sharp(await framesOf([frame, frame], "webp"), { animated: true });
      const original = await animation.withMetadata({ orientation }).webp({ quality: 95 }).toBuffer();
      assert.equal((await sharp(original).metadata()).orientation, orientation);
      const { header, file } = await masked(original);
      assert.deepEqual([header.width, header.height], [360, 240]);
      const { orientation: left = 1 } = await sharp(file).metadata();
      assert.equal(left, 1);
      const now = await pixelsOf(await sharp(file, { page: 0 }).png().toBuffer());
      const plain = await pixelsOf(upright.png);
      assert.ok(Math.abs(detailCorrelation(plain, now, middle())) < 0.1, `orientation ${orientation}`);
      assert.ok(meanDifference(plain, now, (x) => x > 220) < 6, `orientation ${orientation}`);
    }
  });
});
