import { Problem } from "../errors.ts";
import type { Bounds, Ellipse } from "./ellipse.ts";
import { boundsOf, ellipseOf, faceWidthOf, inside, radiiSquared } from "./ellipse.ts";
import type { Policy, Style } from "./policy.ts";
import { allStyles, requireStatement, strengths } from "./policy.ts";
import type { Box, Region } from "./region.ts";

/** One region as it is hidden: full strength in `ellipse`, fading out until the ellipse `outer` times as large. */
export interface Mask {
  readonly box: Box;
  readonly ellipse: Ellipse;
  /** The length all others follow. */
  readonly width: number;
  readonly outer: number;
}

/** How strongly each pixel of `bounds` is hidden, rows from the top: 0 untouched, 255 at full strength. */
export interface Cover {
  readonly bounds: Bounds;
  readonly values: Uint8Array;
}

/** Width of the fading edge in radii of the ellipse: a blur melts into the picture, the others are cut out. */
const fade: Record<Style, number> = { blur: 0.2, pixelate: 0.015, solid: 0.015, cosmetic: 0.2 };
/** In pixels; keeps the line of small masks from being jagged. */
const leastFade = 1.5;

/** How regions are hidden: the part of a policy that a mask needs. */
export type Look = Pick<Policy, "style" | "strength" | "cosmetic">;

/** The masks of regions in an order that does not depend on theirs. Fails with invalid-request on a box that is none. */
export function masksOf(regions: readonly Region[], { style, strength, cosmetic }: Look): readonly Mask[] {
  // The policy may come from another process: what has no row in the tables must not turn into masks of no size.
  if (!allStyles.includes(style) || !strengths.includes(strength)) {
    throw new Problem("invalid-request", `Expected a known style and strength but received ${style}, ${strength}.`);
  }
  requireStatement({ style, ...(cosmetic !== undefined && { cosmetic }) });
  const masks = regions.map(({ box, keypoints }) => {
    const ellipse = ellipseOf(box, strength, keypoints);
    const outer = 1 + Math.max(fade[style], leastFade / Math.min(ellipse.rx, ellipse.ry));
    return { box, ellipse, width: faceWidthOf(box), outer };
  });
  return masks.sort(({ box: a, ellipse: { turn: p } }, { box: b, ellipse: { turn: q } }) => {
    const boxes = a.x - b.x || a.y - b.y || a.width - b.width || a.height - b.height;
    return boxes || (p?.sin ?? 0) - (q?.sin ?? 0) || (p?.cos ?? 1) - (q?.cos ?? 1);
  });
}

/** The cover of all masks together within `bounds`: 255 exactly where a pixel is inside one of their ellipses. */
export function coverOf(masks: readonly Mask[], bounds: Bounds): Cover {
  const cover = { bounds, values: new Uint8Array((bounds.right - bounds.left) * (bounds.bottom - bounds.top)) };
  for (const mask of masks) addMask(cover, mask);
  return cover;
}

/** The cover of regions over a whole width x height picture, the way `maskFrame` hides them. */
export function coverOfPicture(width: number, height: number, regions: readonly Region[], look: Look): Cover {
  return coverOf(masksOf(regions, look), { left: 0, top: 0, right: width, bottom: height });
}

function addMask({ bounds, values }: Cover, mask: Mask): void {
  const { ellipse, outer } = mask;
  const pitch = bounds.right - bounds.left;
  const limit = outer * outer;
  const box = boundsOf(ellipse, bounds.right, bounds.bottom, outer);
  for (let y = Math.max(box.top, bounds.top); y < box.bottom; y++) {
    const row = (y - bounds.top) * pitch - bounds.left;
    const whole = spanOf(ellipse, y, 1, bounds);
    if (whole.right > whole.left) values.fill(255, row + whole.left, row + whole.right);
    const { left, right } = spanOf(ellipse, y, outer, bounds);
    for (let x = left; x < right; x++) {
      if (x === whole.left && whole.right > x) x = whole.right;
      if (x >= right) break;
      const t = Math.max(0, (limit - radiiSquared(ellipse, x, y)) / (limit - 1));
      const strength = Math.min(254, Math.floor(255 * t * t * (3 - 2 * t)));
      const before = values[row + x]!;
      if (before === 0) {
        values[row + x] = strength;
        continue;
      }
      // Rounded against the masks, so that only full strength ever is 255.
      values[row + x] = 255 - Math.ceil(((255 - before) * (255 - strength)) / 255);
    }
  }
}

/** The columns of row y within the ellipse times `scale`; `right` is exclusive, and never before `left`. */
export function spanOf(ellipse: Ellipse, y: number, scale: number, bounds: Bounds): { left: number; right: number } {
  const { middle, half } = chordOf(ellipse, y + 0.5 - ellipse.cy, scale);
  let left = Math.max(bounds.left, Math.ceil(middle - half - 0.5));
  let right = Math.min(bounds.right, Math.floor(middle + half + 0.5));
  if (scale === 1) {
    // `inside` has the last word on the pixels of the line, whatever the square root rounds to.
    while (left < right && !inside(ellipse, left, y)) left++;
    while (left > bounds.left && inside(ellipse, left - 1, y)) left--;
    while (right > left && !inside(ellipse, right - 1, y)) right--;
    while (right < bounds.right && inside(ellipse, right, y)) right++;
  }
  return { left, right: Math.max(left, right) };
}

/** Where the horizontal line `dy` below the centre crosses the ellipse times `scale`: its middle and half its length. */
function chordOf({ cx, rx, ry, turn }: Ellipse, dy: number, scale: number): { middle: number; half: number } {
  if (!turn) {
    const v = dy / (ry * scale);
    return { middle: cx, half: rx * scale * Math.sqrt(Math.max(0, 1 - v * v)) };
  }
  const { cos, sin } = turn;
  // a x² + 2 b x + c = 0 along the line.
  const a = (cos / rx) ** 2 + (sin / ry) ** 2;
  const b = dy * cos * sin * (1 / rx ** 2 - 1 / ry ** 2);
  const c = dy * dy * ((sin / rx) ** 2 + (cos / ry) ** 2) - scale * scale;
  return { middle: cx - b / a, half: Math.sqrt(Math.max(0, b * b - a * c)) / a };
}
