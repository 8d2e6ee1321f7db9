import sharp, { type Sharp } from "sharp";
import type { Strip } from "./orient.ts";

/**
 * One picture's pixels with a colour profile that their values are in already. sharp attaches a profile untouched only
 * when the input carries it, and converts the values otherwise: so the input is a black TIFF of the same size that
 * carries it, and the pixels are laid over it. A TIFF of the pixels themselves would be one more copy of them.
 */
export function withProfile({ data, width, height, channels }: Strip, icc: Buffer): Sharp {
  return sharp(blackTiff(width, height, channels, icc), { limitInputPixels: false })
    .keepIccProfile()
    .boolean(data, "or", { raw: { width, height, channels } });
}

/** Baseline TIFF 6.0, uncompressed, in strips of one row each, of which all are the same zeros. */
function blackTiff(width: number, height: number, channels: 3 | 4, icc: Buffer): Buffer {
  const [short, long] = [3, 4];
  const row = width * channels;
  const rowAt = 8;
  const offsetsAt = rowAt + row + (row % 2);
  const sizesAt = offsetsAt + 4 * height;
  const bitsAt = sizesAt + 4 * height;
  const iccAt = bitsAt + 8;
  const directoryAt = iccAt + icc.length + (icc.length % 2);
  const entries: readonly (readonly [tag: number, type: number, count: number, value: number])[] = [
    [256, long, 1, width],
    [257, long, 1, height],
    [258, short, channels, bitsAt], // bits per sample, by offset
    [259, short, 1, 1], // uncompressed
    [262, short, 1, 2], // RGB
    [273, long, height, height === 1 ? rowAt : offsetsAt],
    [277, short, 1, channels],
    [278, long, 1, 1], // rows per strip
    [279, long, height, height === 1 ? row : sizesAt],
    ...(channels === 4 ? ([[338, short, 1, 2]] as const) : []), // unassociated alpha
    [34675, 7, icc.length, iccAt],
  ];
  const file = Buffer.alloc(directoryAt + 2 + 12 * entries.length + 4);
  file.write("II*\0", "latin1");
  file.writeUInt32LE(directoryAt, 4);
  for (let y = 0; y < height; y++) {
    file.writeUInt32LE(rowAt, offsetsAt + 4 * y);
    file.writeUInt32LE(row, sizesAt + 4 * y);
  }
  for (let i = 0; i < channels; i++) file.writeUInt16LE(8, bitsAt + 2 * i);
  icc.copy(file, iccAt);
  file.writeUInt16LE(entries.length, directoryAt);
  for (const [index, [tag, type, count, value]] of entries.entries()) {
    const at = directoryAt + 2 + 12 * index;
    file.writeUInt16LE(tag, at);
    file.writeUInt16LE(type, at + 2);
    file.writeUInt32LE(count, at + 4);
    file.writeUInt32LE(value, at + 8);
  }
  return file;
}
