import { readFile } from "node:fs/promises";
import sharp from "sharp";
import type { Pixels } from "../core/detector.ts";

const drawing = new URL("./test-picture.png", import.meta.url);

/** A JPEG with one face that nobody has: drawn, and shifted a little in its colours, so that another hue is another picture. */
export async function makeTestPicture(hue: number): Promise<Buffer> {
  return sharp(await readFile(drawing))
    .modulate({ hue })
    .jpeg({ quality: 90 })
    .toBuffer();
}

/** A small picture's pixels, upright. For what veil made itself: nothing that came from elsewhere is decoded in this process. */
export async function readPixels(bytes: Uint8Array): Promise<Pixels> {
  const upright = sharp(bytes, { limitInputPixels: 4_000_000 }).rotate().removeAlpha().toColourspace("srgb");
  const { data, info } = await upright.raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: 3 };
}
