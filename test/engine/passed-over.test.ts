import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { refusePassedOver } from "../../src/engine/passed-over.ts";
import { Problem } from "../../src/errors.ts";

const flat = sharp({ create: { width: 8, height: 8, channels: 3, background: "#c0ffee" } });
const refused = (message: RegExp) => (error: unknown) =>
  error instanceof Problem && error.code === "unsupported" && message.test(error.message);

describe("a PNG", async () => {
  const png = await flat.clone().png().toBuffer();
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  // Behind IHDR.
  const withChunks = (...chunks: Buffer[]) => Buffer.concat([png.subarray(0, 33), ...chunks, png.subarray(33)]);
  const comment = (text: string) => chunk("tEXt", Buffer.from(`Comment\0${text}`, "latin1"));
  const animation = chunk("acTL", Buffer.from([0, 0, 0, 2, 0, 0, 0, 0]));

  test("that is animated is refused, however much stands before it says so", () => {
    for (const before of [0, 5000, 1_000_000]) {
      const file = withChunks(comment("x".repeat(before)), animation);
      assert.throws(() => refusePassedOver(file, "png"), refused(/animated PNG/));
    }
  });

  test("that only speaks of animations is none", () => {
    refusePassedOver(withChunks(comment("acTL")), "png");
    refusePassedOver(Buffer.concat([png, animation]), "png");
  });

  test("cut anywhere is left to the decoder", () => {
    for (let length = 0; length < png.length; length++) refusePassedOver(png.subarray(0, length), "png");
  });
});

describe("a TIFF", () => {
  type Entry = readonly [tag: number, type: 3 | 4, value: number];
  function tiff(entries: readonly Entry[], { little = true, big = false, filler = 0 } = {}): Buffer {
    const at = 16 + filler;
    const [entry, count, value] = big ? [20, 8, 12] : [12, 2, 8];
    const file = Buffer.alloc(at + count + entry * entries.length + 8);
    const short = (number: number, to: number) =>
      little ? file.writeUInt16LE(number, to) : file.writeUInt16BE(number, to);
    const long = (number: number, to: number) =>
      little ? file.writeUInt32LE(number, to) : file.writeUInt32BE(number, to);
    const huge = (number: number, to: number) =>
      little ? file.writeBigUInt64LE(BigInt(number), to) : file.writeBigUInt64BE(BigInt(number), to);
    file.write(little ? "II" : "MM", "latin1");
    short(big ? 43 : 42, 2);
    if (big) {
      huge(at, 8);
      huge(entries.length, at);
    } else {
      long(at, 4);
      short(entries.length, at);
    }
    for (const [index, [tag, type, number]] of entries.entries()) {
      const to = at + count + entry * index;
      short(tag, to);
      short(type, to + 2);
      if (type === 3) short(number, to + value);
      else long(number, to + value);
    }
    return file;
  }

  const raws: Record<string, Entry> = {
    "sub-directories (NEF, ARW)": [330, 4, 1000],
    "a DNG version": [50706, 4, 0x0401],
    "a preview in the first directory": [254, 4, 1],
    "a preview, in the old words": [255, 3, 2],
  };
  for (const [name, entry] of Object.entries(raws)) {
    test(`with ${name} is a camera raw file, wherever its directory lies`, () => {
      for (const little of [true, false])
        for (const big of [true, false])
          for (const filler of [0, 100_000]) {
            const file = tiff([[256, 4, 64], entry], { little, big, filler });
            assert.throws(() => refusePassedOver(file, "tiff"), refused(/^unsupported: camera raw$/));
          }
    });
  }

  test("of a scanner, with full pictures alone, passes", async () => {
    refusePassedOver(
      tiff([
        [254, 4, 2],
        [255, 3, 1],
        [256, 3, 330],
      ]),
      "tiff",
    );
    refusePassedOver(await flat.clone().tiff().toBuffer(), "tiff");
    refusePassedOver(await flat.clone().tiff({ bigtiff: true }).toBuffer(), "tiff");
  });

  test("cut anywhere is left to the decoder", async () => {
    const file = await flat.clone().tiff().toBuffer();
    for (let length = 0; length < file.length; length++) refusePassedOver(file.subarray(0, length), "tiff");
  });
});
