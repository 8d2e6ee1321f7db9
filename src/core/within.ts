import { Problem } from "../errors.ts";
import type { Region } from "./region.ts";

/** Upright size of a picture in pixels, and how many frames it has. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
}

/** Whether a region covers at least a pixel's width and height of its picture: what does not would hide nothing. */
export function isWithin({ box, frame = 0 }: Region, { width, height, frames }: PictureSize): boolean {
  const across = Math.min(box.x + box.width, width) - Math.max(box.x, 0);
  const down = Math.min(box.y + box.height, height) - Math.max(box.y, 0);
  return across >= 1 && down >= 1 && Number.isInteger(frame) && frame >= 0 && frame < frames;
}

/** Refuses a region outside its picture. Problems: invalid-request. */
export function requireWithin(regions: readonly Region[], size: PictureSize): void {
  const outside = regions.find((region) => !isWithin(region, size));
  if (outside === undefined) return;
  const { width, height, frames } = size;
  const { box, frame } = outside;
  const picture = `a picture of ${width}x${height} pixels${frames > 1 ? ` and ${frames} frames` : ""}`;
  const where = `x ${box.x}, y ${box.y}, width ${box.width}, height ${box.height}`;
  throw new Problem(
    "invalid-request",
    `Expected each region to cover a part of ${picture} but received ${where}${frame ? ` in frame ${frame}` : ""}`,
    { remedy: "Give boxes in pixels of the upright picture, with x and y at their top left corner." },
  );
}
