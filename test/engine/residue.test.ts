import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import sharp from "sharp";
import { type Residue, residueOf } from "../../src/engine/residue.ts";
import { Problem } from "../../src/errors.ts";
import { isoBox, tiffOf } from "../fixtures/containers.ts";
import { cleanFiles, type Leftover, leftovers } from "../fixtures/residues.ts";

const dirty = await leftovers();
let clean: Record<string, Buffer> = {};
before(async () => {
  clean = await cleanFiles();
});

/** A file, or the fact that it is none of the known formats. */
function search(file: Buffer): Residue | undefined {
  try {
    return residueOf(file);
  } catch (error) {
    assert.ok(error instanceof Problem && error.code === "unsupported", String(error));
    return undefined;
  }
}

describe("what a file carries beside its picture is named, with its place", () => {
  for (const { name, file, kinds, picture } of dirty) {
    test(name, () => {
      const { findings } = residueOf(file);
      const found = findings.map(({ kind }) => kind);
      for (const kind of kinds) assert.ok(found.includes(kind), `${kind} not in ${found.join(", ")}`);
      assert.equal(found.includes("damaged"), kinds.includes("damaged"), JSON.stringify(findings));
      if (picture === undefined) return;
      const exact = findings.find(
        (one) => one.picture && file.subarray(one.offset, one.offset + one.length).equals(picture),
      );
      assert.ok(exact, JSON.stringify(findings));
    });
  }

  test("a clean file of any format has none, with and without alpha, profile, animation and pages", async () => {
    for (const [format, file] of Object.entries(clean)) assert.deepEqual(residueOf(file).findings, [], format);
    const picture = sharp({ create: { width: 64, height: 48, channels: 4, background: "#c0ffee80" } });
    for (const format of ["png", "webp", "tiff", "avif"] as const) {
      const options = format === "tiff" ? { compression: "lzw" } : {};
      const { alpha, findings } = residueOf(
        await picture.clone().withIccProfile("p3").toFormat(format, options).toBuffer(),
      );
      assert.deepEqual([alpha, findings], [true, []], format);
    }
    const frames = await Promise.all(
      ["#f00", "#0f0"].map((background) => picture.clone().flatten({ background }).png().toBuffer()),
    );
    for (const format of ["gif", "webp", "tiff"] as const) {
      const animation = await sharp(frames, { join: { animated: true } })
        .toFormat(format)
        .toBuffer();
      const residue = residueOf(animation);
      assert.deepEqual([residue.frames, residue.findings], [2, []], format);
    }
  });

  const noTools = spawnSync("heif-enc", ["--help"]).error ? "not run: heif-enc is not here (libheif-examples)" : false;
  test("HEIC: thumbnail, EXIF and a second picture", { skip: noTools }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "veil-residue-"));
    try {
      const names = ["one.jpg", "two.jpg"].map((name) => join(folder, name));
      for (const name of names) {
        const picture = sharp({ create: { width: 256, height: 256, channels: 3, background: "#c0ffee" } });
        await writeFile(
          name,
          await picture
            .withExif({ IFD0: { Artist: "somebody" } })
            .jpeg()
            .toBuffer(),
        );
      }
      const out = join(folder, "out.heic");
      const made = spawnSync("heif-enc", ["--thumb", "64", "-o", out, ...names]);
      assert.equal(made.status, 0, String(made.stderr));
      const found = residueOf(await readFile(out)).findings;
      const pictures = found.filter(({ picture }) => picture).map(({ kind }) => kind);
      assert.deepEqual(pictures.sort(), ["hidden-picture", "thumbnail", "thumbnail"]);
      assert.ok(found.some(({ kind }) => kind === "exif"));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("whatever the bytes are", () => {
  const files = () => [...dirty.map(({ file }: Leftover) => file), ...Object.values(clean)];
  const one = fc.nat().map((n) => files()[n % files().length]!);
  const assertSound = (file: Buffer) => {
    for (const { offset, length } of search(file)?.findings ?? []) {
      assert.ok(
        offset >= 0 && length >= 0 && offset + length <= file.length,
        `${offset} + ${length} of ${file.length}`,
      );
    }
  };

  test("cut, changed, doubled or stuffed files never fail to be searched", () => {
    const change = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      bytes: fc.uint8Array({ maxLength: 8 }),
    });
    fc.assert(
      fc.property(
        one,
        fc.array(change, { maxLength: 12 }),
        fc.boolean(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (file, changes, insert, end) => {
          let copy = Buffer.from(file);
          for (const { at, bytes } of changes) {
            const place = Math.floor(at * copy.length);
            if (insert) copy = Buffer.concat([copy.subarray(0, place), bytes, copy.subarray(place)]);
            else copy.set(bytes.subarray(0, copy.length - place), place);
          }
          assertSound(copy.subarray(0, 4 + Math.ceil(end * copy.length)));
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("lengths and counts of all ones, or of zero, anywhere, never fail to be searched", () => {
    for (const file of files()) {
      for (let at = 4; at < Math.min(file.length, 400); at++) {
        for (const value of [0, 0xff]) assertSound(Buffer.from(file).fill(value, at, Math.min(file.length, at + 4)));
      }
    }
  });

  test("a picture put anywhere within metadata or behind the end is found", () => {
    const hosts = dirty.filter(({ name }) =>
      /maker note|unknown data|private|behind the end|application|unknown (box|chunk)/.test(name),
    );
    for (const { name, file } of hosts)
      assert.ok(
        residueOf(file).findings.some(({ picture }) => picture),
        name,
      );
  });

  const size = 2 ** 21;
  const repeat = (head: string | Buffer, unit: string | Buffer) => {
    const [start, part] = [head, unit].map((one) => (typeof one === "string" ? Buffer.from(one, "latin1") : one));
    return Buffer.concat([start!, Buffer.alloc(size, part)]);
  };
  const endless = tiffOf([{ fields: Array.from({ length: 4000 }, (_, i) => [700, 1, i] as const) }]).bytes;
  // Each field speaks of all the bytes there are.
  for (let i = 0; i < 4000; i++) endless.writeUInt32LE(size, 8 + 2 + 12 * i + 4);
  const hostile: Record<string, Buffer> = {
    "starts of pictures": repeat("\xff\xd8\xff\xe0", "\xff\xd8\xff\xe0\0\x02"),
    "starts of pictures behind the end": repeat("\xff\xd8\xff\xd9", "\xd8\xff\xdb\0\x02\xff"),
    "parts of profiles": repeat("\xff\xd8", "\xff\xe2\0\x10ICC_PROFILE\0\x01\x01"),
    "parts of packets": repeat("\xff\xd8", `\xff\xe1\0\x4dhttp://ns.adobe.com/xmp/extension/\0${"A".repeat(40)}`),
    "stuffed bytes": repeat("\xff\xd8\xff\xda\0\x02", "\xff\0"),
    "empty chunks": repeat("\x89PNG\r\n\x1a\n", "\0\0\0\0junk\0\0\0\0"),
    "tiny blocks": repeat("GIF89a\x01\0\x01\0\0\0\0\x21\xfe", "\x01x"),
    "empty extensions": repeat("GIF89a\x01\0\x01\0\0\0\0", "\x21\xfe\0"),
    "empty RIFF chunks": repeat("RIFF\xff\xff\x1f\0WEBP", "junk\0\0\0\0"),
    "empty boxes": repeat("\0\0\0\x10ftypavif\0\0\0\0", "\0\0\0\x08free"),
    "boxes in boxes": repeat("\0\0\0\x10ftypavif\0\0\0\0", "\0\x10\0\0meta"),
    "extents of no bytes": Buffer.concat([
      Buffer.from("\0\0\0\x10ftypavif\0\0\0\0", "latin1"),
      isoBox(
        "meta",
        Buffer.concat([Buffer.alloc(4), isoBox("iloc", repeat("\0\0\0\0\0\0\xff\xff", "\0\x01\0\0\xff\xff"))]),
      ),
    ]),
    "fields that overlap": Buffer.concat([endless, Buffer.alloc(size, "/9j/")]),
    "directories in a ring": repeat("II*\0\x08\0\0\0", "\x01\0\x4a\x01\x04\0\xff\xff\0\0\x08\0\0\0\x09\0\0\0"),
    zeros: repeat("MM\0*", "\0"),
  };
  for (const [name, file] of Object.entries(hostile)) {
    test(`two megabytes of ${name} take no long time`, () => {
      const start = process.cpuUsage();
      assertSound(file);
      const { user, system } = process.cpuUsage(start);
      // A pass over them takes milliseconds; anything quadratic takes hours.
      assert.ok(user + system < 8e6, `${user + system} µs`);
    });
  }
});
