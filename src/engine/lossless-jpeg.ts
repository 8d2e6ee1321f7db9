import { rm, writeFile } from "node:fs/promises";
import type { Exif } from "sharp";
import type { Cover } from "../core/cover.ts";
import type { Decoded } from "./decode.ts";
import type { Encoded } from "./encode.ts";
import { exifBlock } from "./exif-block.ts";
import { release } from "./jpeg/coefficients.ts";
import { readJpeg } from "./jpeg/read-jpeg.ts";
import { blockSource, recodeBlocks } from "./jpeg/recode-blocks.ts";
import { touchedBlocks } from "./jpeg/touched-blocks.ts";
import { storedWalk } from "./jpeg/turn.ts";
import { checkCoefficients, checkPixels } from "./jpeg/verify.ts";
import { writeJpeg } from "./jpeg/write-jpeg.ts";

/** A masked picture of which the original file is still at hand. */
export interface MaskedJpeg {
  /** Upright, masked. */
  readonly masked: Decoded;
  /** Where the masks are, upright. */
  readonly cover: Cover;
  readonly file: Buffer;
  /** EXIF orientation of the file, 1 to 8. */
  readonly orientation: number;
  /** What of its metadata is kept. */
  readonly exif?: Exif;
}

/**
 * Writes the original's coefficients with the blocks that a mask touches made anew from the masked pixels: every other
 * coefficient is the original's. Nothing else of the original file comes along but its colour profile, its
 * orientation and what `exif` names. What was made is read again, by this code and by `decode`, and compared, before this returns.
 */
export async function encodeLosslessJpeg(
  { masked, cover, file, orientation, exif }: MaskedJpeg,
  outPath: string,
  decode: (path: string) => Promise<Decoded>,
): Promise<Encoded> {
  const picture = readJpeg(file);
  const walk = storedWalk(orientation, masked.width, masked.height);
  const touched = touchedBlocks(picture, cover, walk);
  const recoded = recodeBlocks(picture, touched, masked, walk);
  const { icc } = masked.original;
  const { width, height } = picture;
  const block = exif && (await exifBlock(exif, { width, height, orientation }));
  const made = writeJpeg(
    picture,
    blockSource(picture, recoded),
    { orientation, ...(icc && { icc }), ...(block && { exif: block }) },
    file.length + 65_536,
  );
  const again = readJpeg(made);
  checkCoefficients(picture, recoded, again);
  release(again);
  release(picture);
  await writeFile(outPath, made, { flag: "wx", mode: 0o600 });
  try {
    checkPixels(picture, recoded, walk, masked, await decode(outPath));
  } catch (error) {
    await rm(outPath, { force: true });
    throw error;
  }
  return { contentType: "image/jpeg", extension: "jpg" };
}
