import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import sharp, { type Sharp } from "sharp";
import type { Detector } from "../../src/core/detector.ts";
import { defaultPolicy, type Policy } from "../../src/core/policy.ts";
import type { Region } from "../../src/core/region.ts";
import { openPicture } from "../../src/engine/image-medium.ts";
import { Problem } from "../../src/errors.ts";
import { detailCorrelation, meanDifference, pixelsOf } from "../fixtures/pixels.ts";
import { openBundled } from "./detectors.ts";

const astronaut = new URL("../fixtures/astronaut.png", import.meta.url).pathname;
const face = { x: 175, y: 52, width: 97, height: 127 };
/** Far from every mask of the portrait. */
const corner = (x: number, y: number) => x > 400 || y > 400;
let folder = "";
let detector: Detector;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "veil-medium-"));
  detector = await openBundled();
});
after(() => rm(folder, { recursive: true }));

const limits = { maxBytes: 2 ** 26, maxPixels: 50e6, maxFrames: 20 };
const fast: Policy = { ...defaultPolicy, profile: "fast" };

async function open(file: Buffer, more = {}) {
  const path = join(folder, randomUUID());
  await writeFile(path, file);
  return openPicture(path, { limits: { ...limits, ...more }, scratch: folder, detector });
}

async function mask(file: Buffer, policy = fast) {
  const picture = await open(file);
  const regions = await picture.detect(policy);
  const outPath = join(folder, randomUUID());
  const rendered = await picture.render(regions, policy, outPath);
  return { picture, regions, rendered, file: await readFile(outPath) };
}

function assertHidden(before: Awaited<ReturnType<typeof pixelsOf>>, now: Awaited<ReturnType<typeof pixelsOf>>): void {
  assert.deepEqual([now.width, now.height], [before.width, before.height]);
  assert.ok(Math.abs(detailCorrelation(before, now, face)) < 0.1, "detail of the face survived");
}

const portrait = () => sharp(astronaut);
const withCode = (code: string) => (error: unknown) => error instanceof Problem && error.code === code;

describe("every format", () => {
  for (const format of ["jpeg", "png", "webp", "avif", "tiff", "gif"] as const) {
    test(`${format} comes out as ${format}, masked inside and the same outside`, async () => {
      const original = await portrait().toFormat(format, { quality: 90 }).toBuffer();
      const { regions, rendered, file } = await mask(original);
      assert.ok(regions.length >= 1);
      const { format: made } = await sharp(file).metadata();
      assert.equal(made, format === "avif" ? "heif" : format);
      assert.equal(rendered.contentType, `image/${format}`);
      const [before, now] = [await pixelsOf(original), await pixelsOf(file)];
      assertHidden(before, now);
      assert.ok(meanDifference(before, now, corner) < 3);
    });
  }

  for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8]) {
    test(`a JPEG with EXIF orientation ${orientation} is upright before it is looked at`, async () => {
      // Stored turned the other way round, so that it is upright when shown.
      const inverse: Record<number, (image: Sharp) => Sharp> = {
        1: (image) => image,
        2: (image) => image.flop(),
        3: (image) => image.rotate(180),
        4: (image) => image.flip(),
        5: (image) => image.rotate(270).flop(),
        6: (image) => image.rotate(270),
        7: (image) => image.rotate(90).flop(),
        8: (image) => image.rotate(90),
      };
      const turned = await inverse[orientation]!(portrait()).png().toBuffer();
      const original = await sharp(turned).withMetadata({ orientation }).jpeg({ quality: 95 }).toBuffer();
      const shown = await pixelsOf(original);
      assert.ok(meanDifference(await pixelsOf(astronaut), shown, () => true) < 4, "the test picture is not upright");
      const { file } = await mask(original);
      assert.equal((await sharp(file).metadata()).orientation, undefined);
      assertHidden(shown, await pixelsOf(file));
    });
  }

  for (const format of ["gif", "webp"] as const) {
    test(`every frame of an animated ${format} is masked, and its timing stays`, async () => {
      const frames = await Promise.all(
        [0, 1, 2].map((i) =>
          portrait()
            .modulate({ brightness: 1 - i * 0.1 })
            .png()
            .toBuffer(),
        ),
      );
      const original = await sharp(frames, { join: { animated: true } })
        .toFormat(format, { delay: [100, 200, 300], loop: 2 })
        .toBuffer();
      const { picture, file } = await mask(original);
      assert.equal(picture.header.frames, 3);
      const { pages, delay, loop } = await sharp(file, { animated: true }).metadata();
      assert.deepEqual([pages, delay, loop], [3, [100, 200, 300], 2]);
      for (const page of [0, 1, 2]) {
        const frame = await sharp(file, { page }).png().toBuffer();
        assertHidden(await pixelsOf(frames[page]!), await pixelsOf(frame));
      }
    });
  }

  test("a TIFF of several pages is masked on each", async () => {
    const pages = await Promise.all([portrait().png().toBuffer(), portrait().negate().negate().png().toBuffer()]);
    const original = await sharp(pages, { join: { animated: true } })
      .tiff()
      .toBuffer();
    const { file } = await mask(original);
    assert.equal((await sharp(file).metadata()).pages, 2);
    for (const page of [0, 1])
      assertHidden(await pixelsOf(pages[page]!), await pixelsOf(await sharp(file, { page }).png().toBuffer()));
  });
});

describe("colours", () => {
  test("a colour profile stays as it is, and so do the values it speaks of", async () => {
    const original = await portrait().withIccProfile("p3").png().toBuffer();
    const { file } = await mask(original);
    const [was, is] = [await sharp(original).metadata(), await sharp(file).metadata()];
    assert.deepEqual(is.icc, was.icc);
    const raw = (bytes: Buffer) =>
      sharp(bytes, { ignoreIcc: true }).extract({ left: 410, top: 410, width: 90, height: 90 }).raw().toBuffer();
    assert.deepEqual(await raw(file), await raw(original));
  });

  test("a profile that is none does not come along", async () => {
    const smuggled = Buffer.from(`not a profile: ${"secret ".repeat(100)}`);
    const plain = await portrait().jpeg({ quality: 95 }).toBuffer();
    // APP2 right behind SOI, as ICC.1 annex B.4 has it.
    const body = Buffer.concat([Buffer.from("ICC_PROFILE\0\x01\x01", "latin1"), smuggled]);
    const marker = Buffer.from([0xff, 0xe2, (body.length + 2) >> 8, (body.length + 2) & 255]);
    const original = Buffer.concat([plain.subarray(0, 2), marker, body, plain.subarray(2)]);
    assert.deepEqual((await sharp(original).metadata()).icc, smuggled);
    const { file } = await mask(original);
    assert.equal(file.includes("secret"), false);
    assert.ok(meanDifference(await pixelsOf(plain), await pixelsOf(file), corner) < 3);
  });

  test("an alpha channel that hides nothing stays in the file", async () => {
    for (const profile of ["srgb", "p3"]) {
      const original = await portrait().ensureAlpha(1).withIccProfile(profile).png().toBuffer();
      const { file } = await mask(original);
      const { channels } = await sharp(file).metadata();
      assert.equal(channels, 4);
      assertHidden(await pixelsOf(original), await pixelsOf(file));
      assert.equal(meanDifference(await pixelsOf(original), await pixelsOf(file), corner), 0);
    }
  });

  test("16 bits, CMYK and grey do not break it", async () => {
    const originals = {
      "16 bits": await portrait().toColourspace("rgb16").png().toBuffer(),
      cmyk: await portrait().toColourspace("cmyk").jpeg({ quality: 95 }).toBuffer(),
      grey: await portrait().toColourspace("b-w").jpeg({ quality: 95 }).toBuffer(),
      "16 bits grey": await portrait().toColourspace("grey16").png().toBuffer(),
    };
    for (const [name, original] of Object.entries(originals)) {
      const { regions, file } = await mask(original);
      assert.ok(regions.length >= 1, name);
      assertHidden(await pixelsOf(original), await pixelsOf(file));
      const { space } = await sharp(file).metadata();
      assert.equal(space, name.includes("grey") ? "b-w" : "srgb", name);
    }
  });

  test("a face hidden behind full transparency is masked too", async () => {
    const { data, info } = await portrait().ensureAlpha(0).raw().toBuffer({ resolveWithObject: true });
    const original = await sharp(data, { raw: info }).png().toBuffer();
    const { regions, file } = await mask(original);
    assert.ok(regions.length >= 1);
    assert.equal((await sharp(file).metadata()).channels, 4);
    assertHidden(await pixelsOf(original), await pixelsOf(file));
  });
});

describe("no second copy", () => {
  test("metadata, previews and trailing bytes of the original never come along", async () => {
    const exif = { IFD0: { Artist: "secret-artist", ImageDescription: "secret-words" }, IFD3: { GPSLatitudeRef: "N" } };
    const plain = await portrait()
      .withExif(exif)
      .withXmp("<x:xmpmeta xmlns:x='adobe:ns:meta/'>secret-xmp</x:xmpmeta>")
      .jpeg()
      .toBuffer();
    const preview = await portrait().resize(160).jpeg().toBuffer();
    const original = Buffer.concat([plain, preview]);
    assert.ok(original.includes("secret-artist") && original.includes("secret-xmp"));
    const { file } = await mask(original);
    const { exif: left, xmp, iptc, icc } = await sharp(file).metadata();
    assert.deepEqual([left, xmp, iptc, icc], [undefined, undefined, undefined, undefined]);
    assert.equal(file.includes("secret"), false);
    assert.equal(file.indexOf(Buffer.from([0xff, 0xd9])), file.length - 2, "bytes follow the end marker");
  });

  test("the same input and policy give the same bytes", async () => {
    const original = await portrait().jpeg().toBuffer();
    const digests = [(await mask(original)).rendered.sha256, (await mask(original)).rendered.sha256];
    assert.equal(digests[0], digests[1]);
  });

  test("rendering again with other regions starts from the original", async () => {
    const picture = await open(await portrait().png().toBuffer());
    const [first, second] = [join(folder, randomUUID()), join(folder, randomUUID())];
    await picture.render([{ kind: "face", box: face, score: 1 }], fast, first);
    await picture.render([], fast, second);
    assert.equal(
      meanDifference(await pixelsOf(astronaut), await pixelsOf(second), () => true),
      0,
    );
  });
});

describe("regions", () => {
  const box = { x: 10, y: 10, width: 40, height: 50 };
  const hideNothing: Record<string, Region> = {
    "beyond the right edge": { kind: "face", box: { ...box, x: 512 }, score: 1 },
    "above the picture": { kind: "face", box: { ...box, y: -50 }, score: 1 },
    "in shares of the picture": { kind: "face", box: { x: 0.3, y: 0.1, width: 0.2, height: 0.3 }, score: 1 },
    "thinner than a pixel": { kind: "face", box: { ...box, width: 0.5 }, score: 1 },
    "in a frame that is not there": { kind: "face", box, score: 1, frame: 1 },
    "of no number": { kind: "face", box: { ...box, x: Number.NaN }, score: 1 },
  };
  for (const [name, region] of Object.entries(hideNothing)) {
    test(`that hide nothing are refused, and nothing is written: ${name}`, async () => {
      const picture = await open(await portrait().png().toBuffer());
      const outPath = join(folder, randomUUID());
      const good: Region = { kind: "face", box: face, score: 1 };
      await assert.rejects(picture.render([good, region], fast, outPath), withCode("invalid-request"));
      await assert.rejects(readFile(outPath), { code: "ENOENT" });
    });
  }

  test("that the border cuts are masked", async () => {
    const picture = await open(await portrait().png().toBuffer());
    const outPath = join(folder, randomUUID());
    const cut: Region = { kind: "face", box: { x: -39, y: -49, width: 40, height: 50 }, score: 1 };
    await picture.render([cut], { ...fast, style: "solid" }, outPath);
    assert.notDeepEqual(await pixelsOf(outPath), await pixelsOf(astronaut));
  });

  test("of a crowd, giants among them, leave no trace in the next rendering", async () => {
    const picture = await open(await portrait().ensureAlpha(0.5).png().toBuffer());
    const crowd = Array.from({ length: 60 }, (_, i): Region => {
      const size = 20 + ((i * 37) % 300);
      return { kind: "face", box: { x: (i * 83) % 500, y: (i * 61) % 500, width: size, height: size }, score: 0.9 };
    });
    const paths = [0, 1, 2].map(() => join(folder, randomUUID()));
    await picture.render([], fast, paths[0]!);
    await picture.render(crowd, fast, paths[1]!);
    await picture.render([], fast, paths[2]!);
    const [plain, masked, again] = await Promise.all(paths.map((path) => readFile(path)));
    assert.notDeepEqual(masked, plain);
    assert.deepEqual(again, plain);
  });
});

describe("what is refused, before it is decoded", () => {
  const jpeg = portrait().jpeg();

  test("more bytes, pixels or frames than allowed", async () => {
    const file = await jpeg.clone().toBuffer();
    await assert.rejects(open(file, { maxBytes: 1000 }), withCode("too-large"));
    await assert.rejects(open(file, { maxPixels: 512 * 512 - 1 }), withCode("too-many-pixels"));
    const frames = await Promise.all(
      [0.9, 1, 1.1].map((brightness) => portrait().resize(64).modulate({ brightness }).png().toBuffer()),
    );
    const animation = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer();
    await assert.rejects(open(animation, { maxFrames: 2 }), withCode("too-many-frames"));
    await assert.rejects(open(animation, { maxPixels: 64 * 64 * 3 - 1 }), withCode("too-many-pixels"));
  });

  test("a bomb costs no memory: its header alone is read", async () => {
    const bomb = await sharp({ create: { width: 14_000, height: 14_000, channels: 3, background: "#000" } })
      .png()
      .toBuffer();
    const before = process.memoryUsage().rss;
    await assert.rejects(open(bomb), withCode("too-many-pixels"));
    assert.ok(process.memoryUsage().rss - before < 50e6);
  });

  test("every truncation of every format", async () => {
    for (const format of ["jpeg", "png", "webp", "gif"] as const) {
      const file = await portrait().toFormat(format).toBuffer();
      for (const part of [0.2, 0.5, 0.9]) {
        await assert.rejects(
          open(file.subarray(0, file.length * part)),
          withCode("unreadable"),
          `${format} at ${part}`,
        );
      }
    }
  });

  test("what is no picture, or one that is not masked, by its name", async () => {
    const animatedPng = await portrait().png().toBuffer();
    const acTL = Buffer.from("\0\0\0\x08acTL\0\0\0\x02\0\0\0\0\xf3\x8d\x93\x70", "latin1");
    const cases: readonly (readonly [string, Buffer, string, RegExp])[] = [
      ["text", Buffer.from("hello"), "not-an-image", /text/],
      ["empty", Buffer.alloc(0), "not-an-image", /empty file/],
      ["DICOM", Buffer.concat([Buffer.alloc(128), Buffer.from("DICM")]), "unsupported", /^unsupported: DICOM$/],
      ["SVG", Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'/>"), "unsupported", /SVG/],
      [
        "video",
        Buffer.from("\0\0\0\x18ftypisom\0\0\x02\0isomiso2", "latin1"),
        "unsupported",
        /^video not supported yet/,
      ],
      [
        "APNG",
        Buffer.concat([animatedPng.subarray(0, 33), acTL, animatedPng.subarray(33)]),
        "unsupported",
        /animated PNG/,
      ],
    ];
    for (const [name, file, code, message] of cases) {
      await assert.rejects(
        open(file),
        (error) => withCode(code)(error) && message.test((error as Problem).message),
        name,
      );
    }
  });
});
