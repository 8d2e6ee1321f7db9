import sharp, { type Exif } from "sharp";
import { readTiff } from "./tiff-directories.ts";

export interface StoredPicture {
  /** As it is stored, before it is turned. */
  readonly width: number;
  readonly height: number;
  /** EXIF orientation, 1 to 8. */
  readonly orientation: number;
}

/** Where EXIF repeats a picture's size: PixelXDimension and PixelYDimension. */
const sizeTags: Readonly<Record<number, keyof StoredPicture>> = { 40962: "width", 40963: "height" };

/** An EXIF block (`Exif\0\0` and a TIFF) of these fields for a picture that is not written by libvips. */
export async function exifBlock(exif: Exif, picture: StoredPicture): Promise<Buffer> {
  // libvips makes it, as for every other picture, and is told of a picture of one pixel.
  const pixel = sharp({ create: { width: 1, height: 1, channels: 3, background: "black" } });
  const file = await pixel.withMetadata({ orientation: picture.orientation }).withExifMerge(exif).jpeg().toBuffer();
  const { exif: block } = await sharp(file).metadata();
  if (block === undefined) throw new Error("Expected libvips to write an EXIF block");
  const tiff = readTiff(block.subarray(6));
  for (const { at, tag, type } of tiff.directories.flatMap(({ entries }) => entries)) {
    const name = sizeTags[tag];
    if (name === undefined) continue;
    const [value, bytes] = [picture[name], type === 3 ? 2 : 4];
    if (tiff.little) block.writeUIntLE(value, 6 + at, bytes);
    else block.writeUIntBE(value, 6 + at, bytes);
  }
  return block;
}
