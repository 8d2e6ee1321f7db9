import { Problem } from "../errors.ts";
import type { Strength } from "./policy.ts";
import type { Box, Point } from "./region.ts";
import { rollOf, widthBy } from "./roll.ts";

/** An ellipse in pixels of the picture; its centre may lie outside. */
export interface Ellipse {
  readonly cx: number;
  readonly cy: number;
  readonly rx: number;
  readonly ry: number;
  /** Of the angle by which it is turned about its centre, clockwise as the picture is seen; absent: upright. */
  readonly turn?: { readonly cos: number; readonly sin: number };
}

/** Whole pixels of the picture; `right` and `bottom` are exclusive. */
export interface Bounds {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A face box in widths of the detector's own, in which the measured extents are given. */
const calibration = 0.907;
const calibratedHeight = 1.183;
/** Keypoints may make the mask of a turned head larger than its box does, but not without bounds. */
const mostByKeypoints = 1.5;
/** Least reach at which hair, ears and forehead no longer tell who it is, in detector box widths (measured). */
const growth = { side: 0.35, above: 0.6, below: 0.3 };
const reach: Record<Strength, number> = { standard: 1, strong: 1.25, maximum: 1.5 };
/** Far beyond any picture, and small enough that squares and sums stay exact to a pixel. */
const farthest = 1e9;

/** The width by which a mask's lengths scale. A sliver of a face (cut off, half hidden) counts as half its height. */
export function faceWidthOf(box: Box): number {
  return Math.max(box.width, box.height / 2) / calibration;
}

/**
 * The area hidden at full strength. It contains the whole box; where the keypoints show a head that lies over, it is
 * turned with it, and contains the ellipse inscribed in the box. Fails with invalid-request on a box that is none.
 */
export function ellipseOf(box: Box, strength: Strength, keypoints?: readonly Point[]): Ellipse {
  const { x, y, width, height } = box;
  const sane = [x, y, width, height].every((value) => Math.abs(value) <= farthest) && width >= 0 && height >= 0;
  if (!sane) {
    throw new Problem(
      "invalid-request",
      `Expected finite numbers for a region's box, its width and height not negative, but received x ${x}, y ${y}, width ${width}, height ${height}.`,
      { remedy: "Give the box in pixels of the upright picture." },
    );
  }
  const roll = rollOf(keypoints, box);
  const byBox = faceWidthOf(box);
  const byPoints = roll === 0 ? 0 : Math.min(widthBy(keypoints!), mostByKeypoints * byBox);
  const unit = Math.max(byBox, byPoints) * reach[strength];
  const shift = ((growth.below - growth.above) / 2) * unit;
  const rx = growth.side * unit + 1;
  const ry = ((growth.above + growth.below) / 2) * unit + 1;
  const middle = { x: x + width / 2, y: y + height / 2 };
  // The extra pixel on each radius takes in every pixel that the ellipse only touches, and keeps a box of no size.
  if (roll === 0) return { cx: middle.x, cy: middle.y + shift, rx: width / 2 + rx, ry: height / 2 + ry };
  const [cos, sin] = [Math.cos(roll), Math.sin(roll)];
  // How far the ellipse inscribed in the box reaches along the head's axes, and the face by its keypoints. Boxes of a
  // lying head may be as wide as it is long, or keep an upright head's shape: from brow to chin it may measure as much
  // as the box's longer side.
  const across = Math.max(Math.hypot((width / 2) * cos, (height / 2) * sin), (byPoints * calibration) / 2);
  const along = Math.max(
    Math.hypot((Math.max(width, height) / 2) * sin, (height / 2) * cos),
    (byPoints * calibratedHeight) / 2,
  );
  return {
    cx: middle.x - shift * sin,
    cy: middle.y + shift * cos,
    rx: across + rx,
    ry: along + ry,
    turn: { cos, sin },
  };
}

/** Squared distance of a pixel's centre from the ellipse's, in radii: 1 on the line. */
export function radiiSquared(ellipse: Ellipse, x: number, y: number): number {
  const { turn } = ellipse;
  const dx = x + 0.5 - ellipse.cx;
  const dy = y + 0.5 - ellipse.cy;
  const u = (turn ? turn.cos * dx + turn.sin * dy : dx) / ellipse.rx;
  const v = (turn ? turn.cos * dy - turn.sin * dx : dy) / ellipse.ry;
  return u * u + v * v;
}

/** Whether the pixel in column x, row y is hidden at full strength. */
export function inside(ellipse: Ellipse, x: number, y: number): boolean {
  return radiiSquared(ellipse, x, y) <= 1;
}

/** Half the width and half the height that an ellipse takes up, its radii times `scale` plus `margin`. */
export function extentOf({ rx, ry, turn }: Ellipse, scale = 1, margin = 0): { x: number; y: number } {
  const [a, b] = [rx * scale + margin, ry * scale + margin];
  if (!turn) return { x: a, y: b };
  return { x: Math.hypot(a * turn.cos, b * turn.sin), y: Math.hypot(a * turn.sin, b * turn.cos) };
}

/** The pixels of a width x height picture that an ellipse, its radii times `scale` plus `margin`, can reach. */
export function boundsOf(ellipse: Ellipse, width: number, height: number, scale = 1, margin = 0): Bounds {
  const reached = extentOf(ellipse, scale, margin);
  return {
    left: Math.max(0, Math.floor(ellipse.cx - reached.x)),
    top: Math.max(0, Math.floor(ellipse.cy - reached.y)),
    right: Math.min(width, Math.ceil(ellipse.cx + reached.x)),
    bottom: Math.min(height, Math.ceil(ellipse.cy + reached.y)),
  };
}
