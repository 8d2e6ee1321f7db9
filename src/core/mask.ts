import { Problem } from "../errors.ts";
import type { Cluster } from "./cluster.ts";
import { clustersOf, union } from "./cluster.ts";
import { cosmeticField } from "./cosmetic-field.ts";
import type { Cover, Look } from "./cover.ts";
import { coverOf, masksOf, spanOf } from "./cover.ts";
import type { Pixels } from "./detector.ts";
import { boundsOf } from "./ellipse.ts";
import { fieldOf } from "./field.ts";
import type { Fill } from "./fill.ts";
import { smoothFill, solidFill } from "./fill.ts";
import type { Tone } from "./grid.ts";
import { mosaicFill } from "./mosaic.ts";
import type { Region } from "./region.ts";

/** What `solid` paints. */
const dark: Tone = [46, 46, 46];

/**
 * Hides the regions of one picture (of an animation: of one frame) in place. Inside a region's ellipse (`ellipseOf`)
 * nothing of the picture remains but, for `blur` and `pixelate` below strength `maximum`, two bits of its brightness
 * (with `cosmetic`, which is refused unless the look says that it is no anonymisation, a plain Gaussian blur of it);
 * beyond the fading edge every byte is kept. The order of the regions does not matter. Fails with invalid-request, with
 * nothing changed, on a box that is none.
 */
export function maskFrame(pixels: Pixels, regions: readonly Region[], look: Look): void {
  const { data, width, height, channels } = pixels;
  if ((channels !== 3 && channels !== 4) || data.length !== width * height * channels) {
    throw new Problem(
      "internal",
      `Expected 3 or 4 bytes a pixel for ${width} x ${height} pixels but received ${data.length} for ${channels} channels.`,
    );
  }
  const clusters = clustersOf(masksOf(regions, look), width, height);
  if (clusters.length === 0) return;
  const masks = clusters.flatMap((cluster) => cluster.masks);
  const cover = coverOf(masks, clusters.map((cluster) => cluster.bounds).reduce(union));
  // Every fill is made from the untouched picture before the first is painted.
  const fills = clusters.map((cluster) => fillOf(pixels, cover, cluster, look));
  const line = new Uint8Array(3 * (cover.bounds.right - cover.bounds.left));
  for (const [index, cluster] of clusters.entries()) paint(pixels, cover, cluster, fills[index]!, line);
}

function fillOf(pixels: Pixels, cover: Cover, cluster: Cluster, { style, strength }: Look): Fill {
  switch (style) {
    case "solid":
      return solidFill(dark);
    case "blur":
      return smoothFill(fieldOf(pixels, cover, cluster, strength));
    case "cosmetic":
      return smoothFill(cosmeticField(pixels, cluster, strength));
    case "pixelate":
      return mosaicFill(fieldOf(pixels, cover, cluster, strength), cluster.masks, strength);
  }
}

/** Lays the fill over the cluster's masks, and takes what it painted out of the cover: each pixel is painted once. */
function paint(pixels: Pixels, cover: Cover, cluster: Cluster, fill: Fill, line: Uint8Array): void {
  const { data, width, height, channels } = pixels;
  const { bounds, values } = cover;
  const pitch = bounds.right - bounds.left;
  for (const { ellipse, outer } of cluster.masks) {
    const { top, bottom } = boundsOf(ellipse, width, height, outer);
    for (let y = top; y < bottom; y++) {
      const { left, right } = spanOf(ellipse, y, outer, bounds);
      if (left === right) continue;
      fill(y, left, right, line);
      const row = (y - bounds.top) * pitch - bounds.left;
      for (let x = left, from = 0, to = (y * width + left) * channels; x < right; x++, from += 3, to += channels) {
        const strength = values[row + x]!;
        if (strength === 0) continue;
        if (strength === 255 && channels === 3) {
          // Most of a mask: copied as one piece.
          let end = x + 1;
          while (end < right && values[row + end] === 255) end++;
          values.fill(0, row + x, row + end);
          data.set(line.subarray(from, from + 3 * (end - x)), to);
          from += 3 * (end - 1 - x);
          to += 3 * (end - 1 - x);
          x = end - 1;
          continue;
        }
        values[row + x] = 0;
        if (strength === 255) {
          data[to] = line[from]!;
          data[to + 1] = line[from + 1]!;
          data[to + 2] = line[from + 2]!;
          data[to + 3] = 255;
          continue;
        }
        if (channels === 3) {
          // A picture without alpha, the usual one: the same in whole numbers alone.
          const rest = 255 - strength;
          data[to] = share(line[from]! * strength + data[to]! * rest);
          data[to + 1] = share(line[from + 1]! * strength + data[to + 1]! * rest);
          data[to + 2] = share(line[from + 2]! * strength + data[to + 2]! * rest);
          continue;
        }
        // The mask lies over the picture: where that shows through, by its own alpha too, it keeps its share.
        const above = strength * 255;
        const below = (255 - strength) * data[to + 3]!;
        const whole = above + below;
        const half = whole >> 1;
        data[to] = (line[from]! * above + data[to]! * below + half) / whole;
        data[to + 1] = (line[from + 1]! * above + data[to + 1]! * below + half) / whole;
        data[to + 2] = (line[from + 2]! * above + data[to + 2]! * below + half) / whole;
        data[to + 3] = (whole + 127) / 255;
      }
    }
  }
}

/** A 255th, rounded, of a number up to 255 * 255. */
function share(sum: number): number {
  const half = sum + 128;
  return (half + (half >> 8)) >> 8;
}
