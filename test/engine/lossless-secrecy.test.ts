import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import sharp from "sharp";
import { coverOfPicture } from "../../src/core/cover.ts";
import { maskFrame } from "../../src/core/mask.ts";
import type { Policy } from "../../src/core/policy.ts";
import type { Region } from "../../src/core/region.ts";
import { decode } from "../../src/engine/decode.ts";
import { openPicture } from "../../src/engine/image-medium.ts";
import type { Coefficients } from "../../src/engine/jpeg/coefficients.ts";
import { readJpeg } from "../../src/engine/jpeg/read-jpeg.ts";
import { touchedBlocks } from "../../src/engine/jpeg/touched-blocks.ts";
import { storedWalk } from "../../src/engine/jpeg/turn.ts";
import { encodeLosslessJpeg } from "../../src/engine/lossless-jpeg.ts";
import { Problem } from "../../src/errors.ts";
import { type Scene, scene } from "../fixtures/scenes.ts";
import {
  assertLossless,
  cjpeg,
  coverIn,
  eachBlock,
  limits,
  lossless,
  markersOf,
  maskIn,
  noDetector,
  noTools,
  oddScene,
  regionsOf,
  written,
} from "./lossless-pictures.ts";

let folder = "";
let odd: Scene;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "veil-lossless-"));
  odd = await oddScene();
});
after(() => rm(folder, { recursive: true }));

const mask = (file: Buffer, regions: readonly Region[], policy = lossless) => maskIn(folder, file, regions, policy);

describe("nothing of the face is left", () => {
  const hiding: readonly Policy[] = [
    { ...lossless, style: "solid", strength: "standard" },
    { ...lossless, style: "solid", strength: "maximum" },
    { ...lossless, style: "blur", strength: "maximum" },
    { ...lossless, style: "pixelate", strength: "maximum" },
  ];

  test("originals with any other coefficients under the full mask give the very same bytes", async () => {
    const region: Region = { kind: "face", box: { x: 120, y: 90, width: 70, height: 90 }, score: 1 };
    const files = [
      await sharp(odd.png).jpeg({ quality: 90 }).toBuffer(),
      await sharp(odd.png).jpeg({ quality: 90, progressive: true }).toBuffer(),
      await sharp(odd.png).jpeg({ quality: 75, chromaSubsampling: "4:4:4" }).toBuffer(),
    ];
    const outputs = new Map<string, Buffer>();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files.keys()),
        fc.constantFrom(...hiding.keys()),
        fc.nat(),
        async (f, p, seed) => {
          const policy = hiding[p]!;
          const picture = readJpeg(files[f]!);
          const cover = coverOfPicture(picture.width, picture.height, [region], policy).values;
          let state = seed | 1;
          let swapped = 0;
          eachBlock(picture, (place) => {
            if (!coverIn(cover, picture.width, picture.height, place).full) return;
            swapped++;
            const { values, steps } = picture.components[place.component]!;
            for (let k = 0; k < 64; k++) {
              state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
              values[place.at + k] = Math.round(((state >> 16) / 32_768) * (400 / steps[k]!));
            }
          });
          assert.ok(swapped > 30);
          const other = written(picture);
          assert.ok(!other.equals(files[f]!));
          const key = `${f} ${p}`;
          if (!outputs.has(key)) outputs.set(key, await mask(files[f]!, [region], policy));
          assert.ok((await mask(other, [region], policy)).equals(outputs.get(key)!));
        },
      ),
      { numRuns: 12, seed: 7 },
    );
  });

  test("a block goes exactly if it can show a pixel under a mask or its fading edge", async () => {
    const bounds = { left: 0, top: 0, right: odd.width, bottom: odd.height };
    for (const chromaSubsampling of ["4:2:0", "4:4:4"]) {
      const picture = readJpeg(await sharp(odd.png).jpeg({ chromaSubsampling }).toBuffer());
      await fc.assert(
        fc.asyncProperty(
          fc.nat(odd.width - 1),
          fc.nat(odd.height - 1),
          fc.integer({ min: 1, max: 90 }),
          async (x, y, size) => {
            const region: Region = { kind: "face", box: { x, y, width: size, height: size }, score: 1 };
            const values = coverOfPicture(odd.width, odd.height, [region], lossless).values;
            const touched = touchedBlocks(picture, { bounds, values }, storedWalk(1, odd.width, odd.height));
            eachBlock(picture, (place) => {
              const expected = coverIn(values, odd.width, odd.height, place).touched > 0 ? 1 : 0;
              if (touched[place.component]![place.at / 64] !== expected) assert.fail(JSON.stringify(place));
            });
          },
        ),
        { numRuns: 12, seed: 5 },
      );
    }
  });

  test("what touched blocks held, even by their fading edge, enters no block that is kept", async () => {
    const regions = regionsOf(odd);
    const picture = readJpeg(await sharp(odd.png).jpeg({ quality: 90 }).toBuffer());
    const cover = coverOfPicture(picture.width, picture.height, regions, lossless).values;
    const first = readJpeg(await mask(written(picture), regions));
    let turned = 0;
    eachBlock(picture, (place) => {
      if (coverIn(cover, picture.width, picture.height, place).touched === 0) return;
      const values = picture.components[place.component]!.values.subarray(place.at, place.at + 64);
      for (let k = 0; k < 64; k++) values[k] = -values[k]!;
      turned++;
    });
    const second = readJpeg(await mask(written(picture), regions));
    assert.ok(turned > 100);
    eachBlock(picture, (place) => {
      if (coverIn(cover, picture.width, picture.height, place).touched > 0) return;
      const [a, b] = [first, second].map(({ components }) =>
        components[place.component]!.values.subarray(place.at, place.at + 64),
      );
      assert.deepEqual(a, b);
    });
  });

  test("blocks beyond the border, which nobody sees, come out empty", async () => {
    const whole = await scene({ width: 416, height: 304, faces: [{ x: 380, y: 260, height: 90 }] });
    const original = Buffer.from(whole.jpeg);
    // The same MCUs with a smaller size told: its last blocks show nothing any more.
    const frame = original.indexOf(Buffer.from([0xff, 0xc0]));
    original.writeUInt16BE(293, frame + 5);
    original.writeUInt16BE(405, frame + 7);
    const filled = ({ components }: Coefficients) => {
      let sum = 0;
      for (const { values, across, down, pitch } of components) {
        for (let number = 0; number < values.length / 64; number++) {
          if (number % pitch < across && number < down * pitch) continue;
          sum += values
            .subarray(64 * number + 1, 64 * number + 64)
            .reduce((total, value) => total + Math.abs(value), 0);
        }
      }
      return sum;
    };
    assert.ok(filled(readJpeg(original)) > 0);
    const made = await mask(original, regionsOf(whole));
    assert.equal(filled(readJpeg(made)), 0);
    await assertLossless(original, made, whole);
  });

  test("metadata, previews, comments and trailing bytes stay behind; a sound profile comes along", async () => {
    const tagged = await sharp(odd.png)
      .withIccProfile("p3")
      .withExif({ IFD0: { Artist: "secret-artist" }, IFD3: { GPSLatitudeRef: "N" } })
      .withXmp("<x:xmpmeta xmlns:x='adobe:ns:meta/'>secret-xmp</x:xmpmeta>")
      .jpeg({ quality: 90 })
      .toBuffer();
    const comment = Buffer.concat([Buffer.from([0xff, 0xfe, 0, 16]), Buffer.from("secret-comment")]);
    const other = Buffer.concat([Buffer.from([0xff, 0xed, 0, 16]), Buffer.from("secret-preview")]);
    const original = Buffer.concat([tagged.subarray(0, 2), comment, other, tagged.subarray(2), odd.jpeg]);
    const made = await mask(original, regionsOf(odd));
    assert.equal(made.includes("secret"), false);
    const { markers, behind } = markersOf(made);
    assert.deepEqual([...new Set(markers)].sort(), ["c0", "c4", "da", "db", "e0", "e2"]);
    assert.equal(behind, 0);
    assert.deepEqual((await sharp(made).metadata()).icc, (await sharp(original).metadata()).icc);
    await assertLossless(original, made, odd);
  });
});

describe("what is refused, and leaves no file", () => {
  const withCode = (code: string, text: RegExp) => (error: unknown) =>
    error instanceof Problem && error.code === code && text.test(error.message);

  async function assertRefused(file: Buffer, code: string, text: RegExp): Promise<void> {
    const [path, outPath] = [join(folder, randomUUID()), join(folder, randomUUID())];
    await writeFile(path, file);
    await assert.rejects(
      async () => {
        const picture = await openPicture(path, { limits, scratch: folder, detector: noDetector });
        await picture.render(regionsOf(odd), lossless, outPath);
      },
      withCode(code, text),
    );
    await assert.rejects(readFile(outPath), { code: "ENOENT" });
  }

  test("JPEGs that can't be kept as they are", async () => {
    await assertRefused(await sharp(odd.png).toColourspace("cmyk").jpeg().toBuffer(), "unsupported", /CMYK/);
    // An ICC segment (ICC.1, B.4) that holds no profile.
    const body = Buffer.from("ICC_PROFILE\0\x01\x01not a profile", "latin1");
    const segment = Buffer.concat([Buffer.from([0xff, 0xe2, 0, body.length + 2]), body]);
    const odder = Buffer.concat([odd.jpeg.subarray(0, 2), segment, odd.jpeg.subarray(2)]);
    await assertRefused(odder, "unsupported", /colour profile/);
    const twelve = Buffer.from(odd.jpeg);
    twelve[twelve.indexOf(Buffer.from([0xff, 0xc0])) + 4] = 12;
    assert.throws(() => readJpeg(twelve), withCode("unsupported", /12 bits/));
  });

  test("arithmetic coding", { skip: noTools }, async () => {
    const file = await cjpeg(["-arithmetic"], odd.png);
    assert.throws(() => readJpeg(file), withCode("unsupported", /arithmetic/));
    await assertRefused(file, "unsupported", /arithmetic/);
  });

  test("formats that would lose something", async () => {
    await assertRefused(await sharp(odd.png).avif().toBuffer(), "unsupported", /AVIF/);
    await assertRefused(await sharp(odd.png).gif().toBuffer(), "unsupported", /GIF/);
    await assertRefused(await sharp(odd.png).toColourspace("rgb16").png().toBuffer(), "unsupported", /8 bits/);
  });

  test("a result in which a decoder sees the face, or anything else than it should", async () => {
    const path = join(folder, randomUUID());
    await writeFile(path, odd.jpeg);
    const original = await decode({ path }, limits, folder);
    const regions = regionsOf(odd);
    const masked = { ...original, data: Buffer.from(original.data) };
    maskFrame(masked, regions, lossless);
    const values = coverOfPicture(odd.width, odd.height, regions, lossless).values;
    const bounds = { left: 0, top: 0, right: odd.width, bottom: odd.height };
    const given = { masked, cover: { bounds, values }, file: odd.jpeg, orientation: 1 };
    const attempts: readonly [typeof given, (path: string) => Promise<typeof original>, RegExp][] = [
      [given, async () => original, /inside a mask/],
      [
        { ...given, cover: { bounds, values: new Uint8Array(values.length) } },
        (out) => decode({ path: out }, limits, folder),
        /outside/,
      ],
      [{ ...given, orientation: 3 }, (out) => decode({ path: out }, limits, folder), /outside|inside/],
    ];
    for (const [what, see, text] of attempts) {
      const outPath = join(folder, randomUUID());
      await assert.rejects(encodeLosslessJpeg(what, outPath, see), withCode("internal", text));
      await assert.rejects(readFile(outPath), { code: "ENOENT" });
    }
  });

  test("damage of any kind ends as a problem or as the same picture", async () => {
    const files = [odd.jpeg, await sharp(odd.png).resize(120).jpeg({ progressive: true }).toBuffer()];
    fc.assert(
      fc.property(
        fc.constantFrom(...files),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(255),
        (file, at, byte) => {
          const hurt = Buffer.from(file);
          hurt[Math.floor(at * (file.length - 1))] = byte;
          for (const attempt of [hurt, file.subarray(0, Math.floor(at * file.length))]) {
            let picture: Coefficients;
            try {
              picture = readJpeg(attempt);
            } catch (error) {
              assert.ok(error instanceof Problem && ["unreadable", "unsupported"].includes(error.code), String(error));
              continue;
            }
            try {
              const again = readJpeg(written(picture));
              eachBlock(picture, ({ component, at: from }) => {
                const [a, b] = [picture, again].map(({ components }) =>
                  components[component]!.values.subarray(from, from + 64),
                );
                assert.deepEqual(a, b);
              });
            } catch (error) {
              if (!(error instanceof Problem)) throw error;
            }
          }
        },
      ),
      { numRuns: 150, seed: 3 },
    );
  });
});
