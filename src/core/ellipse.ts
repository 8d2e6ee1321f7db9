import { Problem } from "../errors.ts";
import type { Strength } from "./policy.ts";
import type { Box } from "./region.ts";

/** An upright ellipse in pixels of the picture; its centre may lie outside. */
export interface Ellipse {
  readonly cx: number;
  readonly cy: number;
  readonly rx: number;
  readonly ry: number;
}

/** Whole pixels of the picture; `right` and `bottom` are exclusive. */
export interface Bounds {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** How much a face box is narrower than the detector's own, in whose widths the measured extents are given. */
const calibration = 0.907;
/** Least reach at which hair, ears and forehead no longer tell who it is, in detector box widths (measured). */
const growth = { side: 0.35, above: 0.6, below: 0.3 };
const reach: Record<Strength, number> = { standard: 1, strong: 1.25, maximum: 1.5 };
/** Far beyond any picture, and small enough that squares and sums stay exact to a pixel. */
const farthest = 1e9;

/** The width by which a mask's lengths scale. A sliver of a face (cut off, half hidden) counts as half its height. */
export function faceWidthOf(box: Box): number {
  return Math.max(box.width, box.height / 2) / calibration;
}

/** The area hidden at full strength; contains the whole box. Fails with invalid-request on a box that is none. */
export function ellipseOf(box: Box, strength: Strength): Ellipse {
  const { x, y, width, height } = box;
  const sane = [x, y, width, height].every((value) => Math.abs(value) <= farthest) && width >= 0 && height >= 0;
  if (!sane) {
    throw new Problem(
      "invalid-request",
      `Expected finite numbers for a region's box, its width and height not negative, but received x ${x}, y ${y}, width ${width}, height ${height}.`,
      { remedy: "Give the box in pixels of the upright picture." },
    );
  }
  const unit = faceWidthOf(box) * reach[strength];
  // The extra pixel on each radius takes in every pixel that the ellipse only touches, and keeps a box of no size.
  return {
    cx: x + width / 2,
    cy: y + height / 2 + ((growth.below - growth.above) / 2) * unit,
    rx: width / 2 + growth.side * unit + 1,
    ry: height / 2 + ((growth.above + growth.below) / 2) * unit + 1,
  };
}

/** Squared distance of a pixel's centre from the ellipse's, in radii: 1 on the line. */
export function radiiSquared(ellipse: Ellipse, x: number, y: number): number {
  const dx = (x + 0.5 - ellipse.cx) / ellipse.rx;
  const dy = (y + 0.5 - ellipse.cy) / ellipse.ry;
  return dx * dx + dy * dy;
}

/** Whether the pixel in column x, row y is hidden at full strength. */
export function inside(ellipse: Ellipse, x: number, y: number): boolean {
  return radiiSquared(ellipse, x, y) <= 1;
}

/** The pixels of a width x height picture that an ellipse, its radii times `scale` plus `margin`, can reach. */
export function boundsOf(ellipse: Ellipse, width: number, height: number, scale = 1, margin = 0): Bounds {
  const rx = ellipse.rx * scale + margin;
  const ry = ellipse.ry * scale + margin;
  return {
    left: Math.max(0, Math.floor(ellipse.cx - rx)),
    top: Math.max(0, Math.floor(ellipse.cy - ry)),
    right: Math.min(width, Math.ceil(ellipse.cx + rx)),
    bottom: Math.min(height, Math.ceil(ellipse.cy + ry)),
  };
}
