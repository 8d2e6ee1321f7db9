import { readFile } from "node:fs/promises";
import sharp from "sharp";
import type { Pixels } from "../core/detector.ts";

const drawing = new URL("./test-picture.png", import.meta.url);

/** A JPEG with one face that nobody has: drawn, over a stripe of the colour 0xRRGGBB, so that another one is another picture. */
export async function makeTestPicture(colour: number): Promise<Buffer> {
  const background = { r: colour >> 16, g: (colour >> 8) & 255, b: colour & 255 };
  const striped = sharp(await readFile(drawing)).extend({ bottom: 16, background });
  return striped.jpeg({ quality: 92, chromaSubsampling: "4:4:4" }).toBuffer();
}

/** A small picture's pixels, upright. For what veil made itself: nothing that came from elsewhere is decoded in this process. */
export async function readPixels(bytes: Uint8Array): Promise<Pixels> {
  const upright = sharp(bytes, { limitInputPixels: 4_000_000 }).rotate().removeAlpha().toColourspace("srgb");
  const { data, info } = await upright.raw().toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: 3 };
}
