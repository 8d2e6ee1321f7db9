import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import sharp from "sharp";
import { defaultPolicy, type MetadataPolicy, policyDigest } from "../../src/core/policy.ts";
import { checkResidue } from "../../src/engine/check-residue.ts";
import { encode } from "../../src/engine/encode.ts";
import { openPicture, type PictureSetup } from "../../src/engine/image-medium.ts";
import { keptExif, readMetadata, wordFields } from "../../src/engine/kept-metadata.ts";
import { residueOf } from "../../src/engine/residue.ts";
import { Problem } from "../../src/errors.ts";
import { type TiffField, tiffOf, withSegment } from "../fixtures/containers.ts";
import { cleanFiles, leftovers } from "../fixtures/residues.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "veil-check-"));
});
after(() => rm(folder, { recursive: true }));

const limits = { maxBytes: 2 ** 26, maxPixels: 50e6, maxFrames: 20 };
/** Rendering asks it for nothing. */
const detector = { name: "none", digest: "", detect: async () => [] };
const isResidue = (error: unknown) => error instanceof Problem && error.code === "residue" && !error.retry;

async function saved(file: Buffer): Promise<string> {
  const path = join(folder, randomUUID());
  await writeFile(path, file);
  return path;
}

async function render(file: Buffer, metadata: MetadataPolicy = "none", setup: Partial<PictureSetup> = {}) {
  const picture = await openPicture(await saved(file), { limits, scratch: folder, detector, ...setup });
  const out = join(folder, randomUUID());
  const render = () => picture.render([], { ...defaultPolicy, metadata }, out);
  return { picture, out, render };
}

async function rendered(file: Buffer, metadata: MetadataPolicy = "none"): Promise<Buffer> {
  const { out, render: start } = await render(file, metadata);
  await start();
  return readFile(out);
}

describe("a masked file counts only when nothing is left in it", () => {
  const nothing = { frames: 1, metadata: { words: {} }, policy: "none" } as const;

  test("each known leftover fails the check, and the file is gone", async () => {
    for (const { name, file } of await leftovers()) {
      const path = await saved(file);
      await assert.rejects(checkResidue(path, nothing), isResidue, name);
      await assert.rejects(access(path), { code: "ENOENT" }, name);
    }
  });

  test("clean files pass; more frames than were masked do not", async () => {
    for (const file of Object.values(await cleanFiles())) await checkResidue(await saved(file), nothing);
    const frames = await Promise.all(
      ["#f00", "#0f0", "#00f"].map((background) =>
        sharp({ create: { width: 32, height: 32, channels: 3, background } })
          .png()
          .toBuffer(),
      ),
    );
    for (const format of ["gif", "webp", "tiff"] as const) {
      const file = await sharp(frames, { join: { animated: true } })
        .toFormat(format)
        .toBuffer();
      await checkResidue(await saved(file), { ...nothing, frames: 3 });
      await assert.rejects(checkResidue(await saved(file), { ...nothing, frames: 2 }), isResidue, format);
    }
  });

  test("an encoder that lets something through gives no output", async () => {
    const { jpeg } = await cleanFiles();
    const faulty: typeof encode = async (decoded, quality, out, exif) => {
      const encoded = await encode(decoded, quality, out, exif);
      await writeFile(out, Buffer.concat([await readFile(out), jpeg]));
      return encoded;
    };
    const { out, render: start } = await render(jpeg, "none", { encode: faulty });
    await assert.rejects(start(), isResidue);
    await assert.rejects(access(out), { code: "ENOENT" });
  });

  test("no leftover of any kind comes through rendering", async () => {
    for (const { name, file } of await leftovers()) {
      let masked: Buffer;
      try {
        masked = await rendered(file);
      } catch (error) {
        // Some of them are no whole pictures, or hold several: refused before there is any output.
        assert.ok(error instanceof Problem && ["unsupported", "unreadable"].includes(error.code), `${name}: ${error}`);
        continue;
      }
      assert.deepEqual(residueOf(masked).findings, [], name);
    }
  });

  test("colours under full transparency are gone, those that can be seen are not", async () => {
    const pixels = Buffer.alloc(64 * 64 * 4);
    for (let i = 0; i < 64 * 64; i++)
      pixels.set([i % 251, (i * 7) % 251, (i * 13) % 251, i % 64 < 40 ? 0 : 200], 4 * i);
    const raw = { width: 64, height: 64, channels: 4 } as const;
    const files = {
      png: await sharp(pixels, { raw }).png().toBuffer(),
      webp: await sharp(pixels, { raw }).webp({ lossless: true, exact: true }).toBuffer(),
      tiff: await sharp(pixels, { raw }).tiff({ compression: "lzw" }).toBuffer(),
    };
    for (const [format, file] of Object.entries(files)) {
      const { picture, out, render: start } = await render(file);
      assert.ok((picture.header.hidden ?? 0) > 2000, format);
      await start();
      const [was, is] = await Promise.all([file, await readFile(out)].map((one) => sharp(one).raw().toBuffer()));
      for (let at = 0; at < was!.length; at += 4) {
        const expected = was![at + 3] === 0 ? Buffer.alloc(4) : was!.subarray(at, at + 4);
        assert.deepEqual(is!.subarray(at, at + 4), expected, format);
      }
      const again = await openPicture(out, { limits, scratch: folder, detector });
      assert.equal(again.header.hidden, undefined, format);
    }
  });
});

describe("metadata", () => {
  const exif = {
    IFD0: {
      Make: "Maker",
      Model: "Type (9, ASCII)",
      Artist: "Jürgen Groß",
      Copyright: "© 2026 somebody",
      Software: "secret-program",
      ImageDescription: "secret-words",
      HostComputer: "secret-computer",
    },
    IFD2: {
      DateTimeOriginal: "2026:05:04 03:02:01",
      OffsetTimeOriginal: "+02:00",
      SubSecTimeOriginal: "123",
      UserComment: "secret-comment",
      BodySerialNumber: "secret-serial",
    },
    IFD3: {
      GPSLatitudeRef: "S",
      GPSLatitude: "48/1 51/1 2996/100",
      GPSLongitudeRef: "E",
      GPSLongitude: "2/1 17/1 402/10",
      GPSAltitudeRef: "0",
      GPSAltitude: "351/10",
    },
  };
  const words = {
    Make: "Maker",
    // sharp wrote the sign so.
    Copyright: "(C) 2026 somebody",
    DateTimeOriginal: "2026:05:04 03:02:01",
    OffsetTimeOriginal: "+02:00",
    SubSecTimeOriginal: "123",
  };
  const original = (format: "jpeg" | "png" | "webp" | "avif") =>
    sharp({ create: { width: 64, height: 48, channels: 3, background: "#c0ffee" } })
      .withExif(exif)
      .toFormat(format)
      .toBuffer();
  const metadataOf = async (file: Buffer) => {
    const { exif: block } = await sharp(file).metadata();
    return block === undefined ? undefined : readMetadata(block);
  };

  for (const format of ["jpeg", "png", "webp", "avif"] as const) {
    test(`of a ${format} is kept as far as the policy says, and no further`, async () => {
      const file = await original(format);
      assert.equal(await metadataOf(await rendered(file)), undefined);
      for (const policy of ["keep-safe", "keep-safe-gps"] as const) {
        const masked = await rendered(file, policy);
        const kept = await metadataOf(masked);
        assert.deepEqual({ ...kept!.words, ...words }, kept!.words);
        assert.equal(masked.includes("secret"), false);
        assert.deepEqual(
          residueOf(masked).findings.map(({ kind }) => kind),
          policy === "keep-safe" ? ["exif"] : ["exif", "gps"],
        );
        assert.notEqual((await sharp(masked).metadata()).orientation ?? 1, 2);
        if (policy === "keep-safe") assert.equal(kept!.position, undefined);
        else {
          const { latitude, longitude, altitude } = kept!.position!;
          assert.ok(Math.abs(latitude + (48 + 51 / 60 + 29.96 / 3600)) < 1e-6);
          assert.ok(Math.abs(longitude - (2 + 17 / 60 + 40.2 / 3600)) < 1e-6);
          assert.equal(altitude, 35.1);
        }
      }
    });
  }

  const noTools = spawnSync("heif-enc", ["--help"]).error ? "not run: heif-enc is not here (libheif-examples)" : false;
  test("of a HEIC is kept in the JPEG that it becomes", { skip: noTools }, async () => {
    const heic = join(folder, "dated.heic");
    const made = spawnSync("heif-enc", ["-o", heic, await saved(await original("jpeg"))]);
    assert.equal(made.status, 0, String(made.stderr));
    const masked = await rendered(await readFile(heic), "keep-safe");
    assert.equal((await metadataOf(masked))!.words.Make, "Maker");
    assert.equal(masked.includes("secret"), false);
  });

  test("of a JPEG that loses nothing is kept beside how it is to be turned", async () => {
    const taken = await sharp({ create: { width: 64, height: 48, channels: 3, background: "#c0ffee" } })
      .withMetadata({ orientation: 6 })
      .withExifMerge({ ...exif, IFD0: { Make: "Maker", Software: "secret" } })
      .jpeg()
      .toBuffer();
    const picture = await openPicture(await saved(taken), { limits, scratch: folder, detector });
    const render = async (metadata: MetadataPolicy) => {
      const out = join(folder, randomUUID());
      await picture.render([], { ...defaultPolicy, lossless: true, metadata }, out);
      return readFile(out);
    };
    const masked = await render("keep-safe");
    const { orientation, width, height } = await sharp(masked).metadata();
    assert.deepEqual([orientation, width, height], [6, 64, 48]);
    const kept = await metadataOf(masked);
    assert.deepEqual([kept!.words.Make, kept!.position], ["Maker", undefined]);
    assert.equal(masked.includes("secret"), false);
    assert.equal((await metadataOf(await render("keep-safe-gps")))!.position!.altitude, 35.1);
    assert.deepEqual((await metadataOf(await render("none")))!.words, {});
  });

  test("any words and places that may be kept come through as they are", async () => {
    const word = fc.stringMatching(/^[!-~]([ -~]{0,40}[!-~])?$/);
    const flat = sharp({ create: { width: 8, height: 8, channels: 3, background: "#c0ffee" } });
    const place = fc.record({
      latitude: fc.double({ min: -90, max: 90, noNaN: true }),
      longitude: fc.double({ min: -180, max: 180, noNaN: true }),
      altitude: fc.double({ min: 0, max: 20_000, noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(word, word, word, place, async (Make, Model, Copyright, position) => {
        const metadata = { words: { Make, Model, Copyright }, position };
        const file = await flat.clone().withExif(keptExif(metadata, "keep-safe-gps")!).jpeg().toBuffer();
        await checkResidue(await saved(file), { frames: 1, metadata, policy: "keep-safe-gps" });
      }),
      { numRuns: 100 },
    );
  });

  test("TIFF and GIF keep none", async () => {
    const picture = sharp({ create: { width: 64, height: 48, channels: 3, background: "#c0ffee" } }).withExif(exif);
    for (const format of ["tiff", "gif"] as const) {
      const masked = await rendered(await picture.clone().toFormat(format).toBuffer(), "keep-safe-gps");
      assert.deepEqual(residueOf(masked).findings, [], format);
    }
  });

  test("that is not of its promised shape, too long, or not of its type is left out", () => {
    const shapes: Record<string, Record<string, string>> = {
      "a date that is none": { DateTimeOriginal: "2026:13:04 03:02:01" },
      "words for a date": { DateTimeOriginal: "yesterday evening!!" },
      "a long name": { Model: "x".repeat(65) },
      "control characters": { Make: "a\u001bb" },
      "another script": { Artist: "某人" },
    };
    for (const [name, fields] of Object.entries(shapes))
      assert.deepEqual(readMetadata(exifBlock(fields)).words, {}, name);
    assert.deepEqual(readMetadata(exifBlock({ Make: "  Maker \0trailing secret" })).words, { Make: "Maker" });
    assert.deepEqual(readMetadata(exifBlock({ Copyright: "© 2026 Jörg Groß – Łódź" })).words, {
      Copyright: "(c) 2026 Jorg Gross - Lodz",
    });
    assert.deepEqual(readMetadata(Buffer.from("no EXIF at all")).words, {});
  });

  test("a value that the policy does not keep, or keeps otherwise, fails the check", async () => {
    const kept = { ...exif, IFD0: { Make: "Maker" }, IFD2: { DateTimeOriginal: "2026:05:04 03:02:01" } };
    const file = (more: object) =>
      sharp({ create: { width: 64, height: 48, channels: 3, background: "#c0ffee" } })
        .withExif(more)
        .jpeg()
        .toBuffer();
    const good = await file(kept);
    const metadata = readMetadata((await sharp(good).metadata()).exif!);
    const expected = { frames: 1, metadata, policy: "keep-safe-gps" } as const;
    await checkResidue(await saved(good), expected);
    const { IFD3: _, ...withoutPlace } = kept;
    await checkResidue(await saved(await file(withoutPlace)), { ...expected, policy: "keep-safe" });
    for (const [name, more, policy] of [
      ["a position that is not wanted", kept, "keep-safe"],
      ["any of it", withoutPlace, "none"],
      ["another value", { ...kept, IFD0: { Make: "Makes" } }, "keep-safe-gps"],
      ["another field", { ...kept, IFD0: { Make: "Maker", Software: "x" } }, "keep-safe-gps"],
      ["another place", { ...kept, IFD3: { ...exif.IFD3, GPSLatitude: "48/1 51/1 2997/100" } }, "keep-safe-gps"],
    ] as const) {
      await assert.rejects(checkResidue(await saved(await file(more)), { ...expected, policy }), isResidue, name);
    }
    // Spare bytes at the end of the block, which no directory speaks of.
    const block = (await sharp(good).metadata()).exif!;
    const at = good.indexOf(block) - 2;
    const longer = Buffer.concat([
      good.subarray(0, at),
      Buffer.alloc(2),
      block,
      Buffer.from("spare"),
      good.subarray(at + 2 + block.length),
    ]);
    longer.writeUInt16BE(block.length + 7, at);
    await assert.rejects(checkResidue(await saved(longer), expected), isResidue);
  });

  test("a lossless JPEG may say how it is to be turned, and nothing else", async () => {
    const jpeg = await sharp({ create: { width: 64, height: 48, channels: 3, background: "#c0ffee" } })
      .jpeg()
      .toBuffer();
    const block = (...fields: TiffField[]) => Buffer.concat([Buffer.from("Exif\0\0"), tiffOf([{ fields }]).bytes]);
    const turned = withSegment(jpeg, 0xe1, block([274, 3, 6]));
    const expected = { frames: 1, metadata: { words: {} }, policy: "none" } as const;
    await checkResidue(await saved(turned), { ...expected, orientation: 6 });
    await assert.rejects(checkResidue(await saved(turned), { ...expected, orientation: 8 }), isResidue);
    await assert.rejects(checkResidue(await saved(turned), expected), isResidue);
    const more = withSegment(jpeg, 0xe1, block([274, 3, 6], [315, 2, Buffer.from("somebody\0")]));
    await assert.rejects(checkResidue(await saved(more), { ...expected, orientation: 6 }), isResidue);
    const out = join(folder, randomUUID());
    const picture = await openPicture(await saved(turned), { limits, scratch: folder, detector });
    await picture.render([], { ...defaultPolicy, lossless: true }, out);
    assert.equal((await sharp(out).metadata()).orientation, 6);
  });

  test("the policy's digest tells them apart, and is what it was where nothing is kept", () => {
    const digests = ["none", "keep-safe", "keep-safe-gps"].map((metadata) =>
      policyDigest({ ...defaultPolicy, metadata: metadata as MetadataPolicy }),
    );
    assert.equal(new Set(digests).size, 3);
    assert.equal(policyDigest(defaultPolicy), digests[0]);
  });
});

/** An EXIF block with text fields as they are given, sound or not. */
function exifBlock(fields: Record<string, string>): Buffer {
  const of = (wanted: "main" | "exif") =>
    Object.entries(fields).flatMap(([name, text]): TiffField[] => {
      const { directory, tag } = wordFields[name as keyof typeof wordFields];
      return directory === wanted ? [[tag, 2, Buffer.from(`${text}\0`)]] : [];
    });
  return tiffOf([{ fields: [...of("main"), [34665, 4, { directory: 1 }]] }, { fields: of("exif") }]).bytes;
}
