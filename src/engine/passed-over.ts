import type { ImageFormat } from "../core/sniff.ts";
import { Problem } from "../errors.ts";
import { boxesOf } from "./heif-items.ts";

/** Refuses files of which libvips would hand over a part in silence: an animation's first frame, a raw file's preview. */
export function refusePassedOver(file: Buffer, format: ImageFormat): void {
  if ((format === "avif" || format === "heic") && hasTrack(file)) {
    throw new Problem("unsupported", `unsupported: animated ${format.toUpperCase()}`);
  }
  if (format === "png" && isAnimatedPng(file)) throw new Problem("unsupported", "unsupported: animated PNG");
  if (format === "tiff" && isCameraRaw(file)) {
    throw new Problem("unsupported", "unsupported: camera raw", { remedy: "Develop it to JPEG, PNG or TIFF first." });
  }
}

/** Whether frames lie in a track, beside the still picture or in its place: ISO/IEC 14496-12, 8.2. */
function hasTrack(file: Buffer): boolean {
  try {
    return boxesOf(file, 0, file.length).some(({ type }) => type === "moov" || type === "moof");
  } catch (error) {
    // Cut or followed by other bytes: a whole box may still say so.
    if (!(error instanceof RangeError)) throw error;
    return file.includes("moov");
  }
}

/** Whether an acTL chunk comes before the pixels: PNG third edition, 5.3 and 11.3.6. */
function isAnimatedPng(file: Buffer): boolean {
  for (let at = 8; at + 8 <= file.length; at += 12 + file.readUInt32BE(at)) {
    const type = file.toString("latin1", at + 4, at + 8);
    if (type === "acTL") return true;
    if (type === "IDAT") return false;
  }
  return false;
}

/** Whether the first directory says that it is a preview, or that the picture lies in another: NEF, ARW, DNG. */
function isCameraRaw(file: Buffer): boolean {
  const tags = firstDirectory(file);
  // SubIFDs and DNGVersion; NewSubfileType's and SubfileType's words for a reduced copy: TIFF 6.0 and its supplements.
  return tags.has(330) || tags.has(50706) || ((tags.get(254) ?? 0) & 1) === 1 || tags.get(255) === 2;
}

/** A TIFF's first directory, classic or BigTIFF: each tag with its value where that is a number in place. */
function firstDirectory(file: Buffer): ReadonlyMap<number, number> {
  const little = file[0] === 0x49;
  const short = (at: number) => (little ? file.readUInt16LE(at) : file.readUInt16BE(at));
  const long = (at: number) => (little ? file.readUInt32LE(at) : file.readUInt32BE(at));
  const huge = (at: number) => Number(little ? file.readBigUInt64LE(at) : file.readBigUInt64BE(at));
  const tags = new Map<number, number>();
  try {
    const big = short(2) === 43;
    const directory = big ? huge(8) : long(4);
    const count = big ? huge(directory) : short(directory);
    const [first, size, value] = big ? [directory + 8, 20, 12] : [directory + 2, 12, 8];
    for (let entry = 0, at = first; entry < count; entry++, at += size)
      tags.set(short(at), short(at + 2) === 3 ? short(at + value) : long(at + value));
  } catch (error) {
    // Past the end of the file: damaged, and the decoder says so.
    if (!(error instanceof RangeError)) throw error;
  }
  return tags;
}
