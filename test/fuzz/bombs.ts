import { deflateSync } from "node:zlib";
import { pngOf } from "./png.ts";

/** A PNG chunk's data that unpacks to so many bytes. */
const packed = (prefix: string, bytes: number) =>
  Buffer.concat([Buffer.from(prefix, "latin1"), deflateSync(Buffer.alloc(bytes), { level: 9 })]);

const header = (width: number, height: number, depth: number, colour: number) => {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(width, 0);
  data.writeUInt32BE(height, 4);
  data[8] = depth;
  data[9] = colour;
  return { type: "IHDR", data };
};

const end = { type: "IEND", data: Buffer.alloc(0) };

/** A PNG of one pixel with a chunk beside it that unpacks to `bytes`, by a thousand to one. */
export function chunkBomb(type: "iCCP" | "zTXt" | "iTXt", bytes: number): Buffer {
  const prefix = { iCCP: "p\0\0", zTXt: "t\0\0", iTXt: "t\0\x01\0\0\0" }[type];
  const pixel = { type: "IDAT", data: deflateSync(Buffer.from([0, 128])) };
  return pngOf([header(1, 1, 8, 0), { type, data: packed(prefix, bytes) }, pixel, end]);
}

/** A small PNG whose rows unpack to `bytes` more than its header says. */
export function rowsBomb(bytes: number): Buffer {
  return pngOf([header(8, 8, 8, 0), { type: "IDAT", data: packed("", bytes) }, end]);
}

/** A GIF that says it is as large as a GIF can be, with one small frame. */
export function screenBomb(): Buffer {
  const screen = Buffer.from([...Buffer.from("GIF89a"), 255, 255, 255, 255, 0x80, 0, 0, 0, 0, 0, 255, 255, 255]);
  const image = Buffer.from([0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0]);
  return Buffer.concat([screen, image, Buffer.from([0x3b])]);
}

/** A classic TIFF whose directories follow one another in a circle. */
export function directoryCircle(): Buffer {
  const file = Buffer.alloc(200);
  file.write("II*\0", "latin1");
  file.writeUInt32LE(8, 4);
  const entries = [
    ...[
      [256, 8],
      [257, 8],
      [258, 8],
      [259, 1],
      [262, 1],
      [273, 150],
      [277, 1],
      [278, 8],
    ],
    [279, 50],
  ] as const;
  const write = (at: number, next: number) => {
    file.writeUInt16LE(entries.length, at);
    for (const [index, [tag, value]] of entries.entries()) {
      const entry = at + 2 + 12 * index;
      file.writeUInt16LE(tag!, entry);
      file.writeUInt16LE(3, entry + 2);
      file.writeUInt32LE(1, entry + 4);
      file.writeUInt16LE(value!, entry + 8);
    }
    file.writeUInt32LE(next, at + 2 + 12 * entries.length);
  };
  write(8, 8);
  return file;
}

/** A progressive JPEG that says its last scan again and again. */
export function scanBomb(progressive: Buffer, times: number): Buffer {
  const last = progressive.lastIndexOf(Buffer.from([0xff, 0xda]));
  const scan = progressive.subarray(last, progressive.length - 2);
  return Buffer.concat([progressive.subarray(0, last), ...Array<Buffer>(times).fill(scan), Buffer.from([0xff, 0xd9])]);
}
