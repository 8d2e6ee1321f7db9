import { open } from "node:fs/promises";
import sharp from "sharp";
import type { Box } from "../core/region.ts";

export interface Outline {
  readonly box: Box;
  /** Red, green and blue, 0 to 255. */
  readonly colour: readonly [number, number, number];
}

/**
 * Writes one frame of a picture of veil's own making, upright, as JPEG with boxes drawn on it, to a file that must not
 * exist.
 */
export async function writeOutlines(
  path: string,
  frame: number,
  outlines: readonly Outline[],
  outPath: string,
): Promise<void> {
  // A result that is untouched outside its masks keeps its orientation as a tag.
  const { data, info } = await sharp(path, { page: frame })
    .autoOrient()
    .flatten({ background: "white" })
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const thick = Math.max(2, Math.round(Math.max(width, height) / 500));
  for (const { box, colour } of outlines) {
    const [left, top] = [Math.round(box.x), Math.round(box.y)];
    const [right, bottom] = [Math.round(box.x + box.width), Math.round(box.y + box.height)];
    fill(left, top, right, top + thick);
    fill(left, bottom - thick, right, bottom);
    fill(left, top, left + thick, bottom);
    fill(right - thick, top, right, bottom);

    function fill(fromX: number, fromY: number, toX: number, toY: number): void {
      for (let y = Math.max(0, fromY); y < Math.min(height, toY); y++) {
        for (let x = Math.max(0, fromX); x < Math.min(width, toX); x++) {
          for (let c = 0; c < Math.min(3, channels); c++) data[(y * width + x) * channels + c] = colour[c]!;
        }
      }
    }
  }
  const jpeg = await sharp(data, { raw: { width, height, channels }, limitInputPixels: false })
    .jpeg({ quality: 85 })
    .toBuffer();
  await using file = await open(outPath, "wx", 0o600);
  await file.writeFile(jpeg);
}
