import assert from "node:assert/strict";
import { describe, test } from "node:test";
import sharp from "sharp";
import { headBytes, looksComplete, nameOf, recognise, tailBytes } from "../../src/core/sniff.ts";

const latin1 = (text: string) => Buffer.from(text, "latin1");
const picture = sharp({ create: { width: 64, height: 48, channels: 3, background: "#c0ffee" } });
const ends = (file: Buffer, length = file.length) =>
  [
    file.subarray(0, Math.min(headBytes, length)),
    file.subarray(Math.max(0, length - tailBytes), length),
    length,
  ] as const;

describe("recognise", () => {
  for (const format of ["jpeg", "png", "webp", "avif", "tiff", "gif"] as const) {
    test(`knows ${format} by its content`, async () => {
      const file = await picture.clone().toFormat(format).toBuffer();
      assert.deepEqual(recognise(file.subarray(0, headBytes)), { kind: "image", format });
    });
  }

  const named: readonly (readonly [name: string, head: Buffer, kind: string])[] = [
    ["DICOM", Buffer.concat([Buffer.alloc(128), latin1("DICM")]), "unsupported"],
    ["SVG", latin1('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">'), "unsupported"],
    ["SVG", latin1("\xef\xbb\xbf<!-- by hand -->\n<!-- twice --><svg/>"), "unsupported"],
    [
      "SVG",
      latin1('<!DOCTYPE svg PUBLIC "-//W3C" "svg11.dtd" [\n<!ENTITY ns "x">\n]>\n<svg:svg viewBox="0">'),
      "unsupported",
    ],
    ["text", latin1("<!-- <svg> --><p>"), "other"],
    ["text", latin1("<?xml version='1.0'?><html><svg>"), "other"],
    ["BMP", latin1("BM\x36\x01\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x10\0\0\0"), "unsupported"],
    ["text", latin1("BM Watson wrote to the whole department.\n"), "other"],
    ["text", latin1("BM"), "other"],
    ["camera raw (RW2)", latin1("IIU\0\x18\0\0\0"), "unsupported"],
    ["JPEG XL", latin1("\xff\x0a\x00"), "unsupported"],
    ["PDF", latin1("%PDF-1.7\n"), "other"],
    ["video (MP4)", latin1("\0\0\0\x18ftypisom\0\0\x02\0isomiso2"), "other"],
    ["video (QuickTime)", latin1("\0\0\0\x14ftypqt  \0\0\0\0qt  "), "other"],
    ["video (Matroska or WebM)", latin1("\x1a\x45\xdf\xa3...."), "other"],
    ["text", latin1("Dear Sir,\n"), "other"],
    ["unknown", latin1("\x01\x02\x03\x04"), "other"],
    ["empty file", Buffer.alloc(0), "other"],
  ];
  for (const [name, head, kind] of named) {
    test(`calls ${name} by its name and never masks it: ${JSON.stringify(head.toString("latin1", 0, 24))}`, () => {
      const recognised = recognise(head);
      assert.equal(recognised.kind, kind);
      assert.equal(nameOf(recognised), name);
    });
  }

  test("a text of nothing but comments costs no more than its length", () => {
    for (const text of ["<!---->", "<!-- -->\n", "<?a?>", "<!DOCTYPE svg [", " \n"]) {
      const head = latin1(text.repeat(headBytes)).subarray(0, headBytes);
      const start = performance.now();
      assert.equal(nameOf(recognise(head)), "text");
      assert.ok(performance.now() - start < 100, text);
    }
  });

  test("tells HEIC from AVIF by their brands", () => {
    assert.equal(nameOf(recognise(latin1("\0\0\0\x18ftypheic\0\0\0\0mif1heic"))), "heic");
    assert.equal(nameOf(recognise(latin1("\0\0\0\x18ftypmif1\0\0\0\0mif1avif"))), "avif");
  });
});

describe("looksComplete", () => {
  for (const format of ["jpeg", "png", "webp", "gif"] as const) {
    test(`sees a ${format}'s end, and its absence in every cut-off copy`, async () => {
      const file = await picture.clone().toFormat(format).toBuffer();
      assert.equal(looksComplete(...ends(file)), true);
      for (const part of [0.3, 0.6, 0.9])
        assert.equal(looksComplete(...ends(file, Math.floor(file.length * part))), false);
    });
  }

  test("a file server's preallocated zeros are no end", async () => {
    const webp = await picture.clone().webp().toBuffer();
    const preallocated = Buffer.concat([webp.subarray(0, webp.length - 80), Buffer.alloc(80)]);
    assert.equal(looksComplete(...ends(preallocated)), false);
  });

  test("a format without a recognisable end is left to the clock", async () => {
    assert.equal(looksComplete(...ends(await picture.clone().tiff().toBuffer())), "unknown");
  });
});
