import assert from "node:assert/strict";
import sharp from "sharp";
import type { Box, Region } from "../../src/core/region.ts";
import { type Picture, pixelsOf } from "../fixtures/pixels.ts";

/** The pixels of each frame of a masked file. */
export async function framesIn(file: Buffer): Promise<readonly Picture[]> {
  const { data, info } = await sharp(file, { pages: -1, limitInputPixels: false })
    .toColourspace("srgb")
    .removeAlpha()
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  const height = info.pageHeight ?? info.height;
  const frame = info.width * height * info.channels;
  return Array.from({ length: Math.round(info.height / height) }, (_, index) =>
    threeChannels(data.subarray(index * frame, (index + 1) * frame), info.width, height, info.channels),
  );
}

function threeChannels(data: Buffer, width: number, height: number, channels: number): Picture {
  if (channels === 3) return { data, width, height };
  const rgb = Buffer.alloc(width * height * 3);
  for (let i = 0; i < width * height; i++) rgb.fill(data[i * channels]!, 3 * i, 3 * i + 3);
  return { data: rgb, width, height };
}

/** The middle of a region, which every mask covers wholly. */
function middleOf({ box: { x, y, width, height } }: Pick<Region, "box">, share = 0.5): Box {
  return {
    x: x + (width * (1 - share)) / 2,
    y: y + (height * (1 - share)) / 2,
    width: width * share,
    height: height * share,
  };
}

/** How much brightness differs within a box, 0 to 255: standard deviation; 0 where the box lies outside. */
export function unrest({ data, width, height }: Picture, box: Box): number {
  const values: number[] = [];
  const [left, top] = [Math.max(0, Math.ceil(box.x)), Math.max(0, Math.ceil(box.y))];
  for (let y = top; y < Math.min(height, Math.floor(box.y + box.height)); y++) {
    for (let x = left; x < Math.min(width, Math.floor(box.x + box.width)); x++) {
      const at = 3 * (y * width + x);
      values.push((data[at]! + data[at + 1]! + data[at + 2]!) / 3);
    }
  }
  if (values.length === 0) return 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

/** What a lossy encoder may add to a fill of one colour. */
const encodersUnrest = 8;

/**
 * That a picture masked in the style solid shows one colour in the middle of each region: whatever the damaged file
 * decoded to, none of it is left there.
 */
export function assertFilled(
  frames: readonly Picture[],
  regions: readonly (Pick<Region, "box"> & { readonly frame?: number | undefined })[],
  about = "",
): void {
  for (const region of regions) {
    for (const [index, frame] of frames.entries()) {
      if (region.frame !== undefined && region.frame !== index) continue;
      const left = unrest(frame, middleOf(region));
      assert.ok(left < encodersUnrest, `${about} frame ${index} shows ${left.toFixed(1)} in a masked region`);
    }
  }
}

/** Longest side that a preview shows as it is. */
const previewSide = 2048;

/** What a picture and the preview of its original differ by outside the regions, 0 to 255; 0 where the preview is smaller. */
export async function differenceOutside(
  before: Uint8Array,
  masked: Buffer,
  regions: readonly Region[],
): Promise<number> {
  // Over white, as the preview is.
  const still = await sharp(masked, { limitInputPixels: false }).flatten({ background: "white" }).png().toBuffer();
  const after = await pixelsOf(still);
  if (Math.max(after.width, after.height) > previewSide) return 0;
  const shown = await pixelsOf(Buffer.from(before));
  if (shown.width !== after.width || shown.height !== after.height) return Number.POSITIVE_INFINITY;
  let sum = 0;
  let count = 0;
  const near = regions.map((region) => middleOf(region, 2.4));
  for (let y = 0; y < after.height; y += 2) {
    for (let x = 0; x < after.width; x += 2) {
      if (near.some((box) => x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height)) continue;
      const at = 3 * (y * after.width + x);
      for (let c = 0; c < 3; c++) sum += Math.abs(shown.data[at + c]! - after.data[at + c]!);
      count += 3;
    }
  }
  return sum / Math.max(1, count);
}
