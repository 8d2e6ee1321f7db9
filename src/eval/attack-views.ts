import type { Pixels } from "../core/detector.ts";
import { faceWidthOf } from "../core/ellipse.ts";
import type { Point, Region } from "../core/region.ts";

/** Maps pixels of a view to the photograph: x' = a x - b y + left, y' = b x + a y + top. */
export interface Similarity {
  readonly a: number;
  readonly b: number;
  readonly left: number;
  readonly top: number;
}

/** Side of the picture that recognisers look at. */
export const alignedSide = 112;
/** Where a recogniser of 112 x 112 expects right eye, left eye, nose tip and the corners of the mouth (ArcFace). */
const template: readonly Point[] = [
  { x: 38.2946, y: 51.6963 },
  { x: 73.5318, y: 51.5014 },
  { x: 56.0252, y: 71.7366 },
  { x: 41.5493, y: 92.3655 },
  { x: 70.7299, y: 92.2041 },
];
const mouth: Point = { x: 56.1396, y: 92.2849 };

/**
 * The similarity that lays a face's keypoints over the recogniser's, in least squares. Five keypoints end with the
 * corners of the mouth; of four or six the fourth is its middle. Without keypoints the box stands in.
 */
export function alignmentOf({ box, keypoints = [] }: Region): Similarity {
  if (keypoints.length < 4) {
    // Measured on upright faces: the box is about 66 of the 112 wide, its middle at 56, 65.
    const a = box.width / 66;
    return { a, b: 0, left: box.x + box.width / 2 - 56 * a, top: box.y + box.height / 2 - 65 * a };
  }
  const from = keypoints.length === 5 ? template : [...template.slice(0, 3), mouth];
  const to = keypoints.slice(0, from.length);
  const [p, q] = [meanOf(from), meanOf(to)];
  let [same, turned, whole] = [0, 0, 0];
  for (const [index, point] of from.entries()) {
    const [x, y] = [point.x - p.x, point.y - p.y];
    const [u, v] = [to[index]!.x - q.x, to[index]!.y - q.y];
    same += x * u + y * v;
    turned += x * v - y * u;
    whole += x * x + y * y;
  }
  const [a, b] = [same / whole, turned / whole];
  return { a, b, left: q.x - a * p.x + b * p.y, top: q.y - b * p.x - a * p.y };
}

/** A similarity whose view shows `times` as much around the same middle, in `side` x `side` pixels. */
export function widened({ a, b, left, top }: Similarity, times: number, side: number): Similarity {
  const middle = alignedSide / 2;
  const [x, y] = [a * middle - b * middle + left, b * middle + a * middle + top];
  const scale = (times * alignedSide) / side;
  const [wideA, wideB] = [a * scale, b * scale];
  return { a: wideA, b: wideB, left: x - (wideA - wideB) * (side / 2), top: y - (wideB + wideA) * (side / 2) };
}

/** The upright square around a face's box, so many face widths wide, as `side` x `side` pixels. */
export function squareAround({ box }: Region, widths: number, side: number): Similarity {
  const a = (widths * faceWidthOf(box)) / side;
  return {
    a,
    b: 0,
    left: box.x + box.width / 2 - (a * side) / 2,
    top: box.y + box.height / 2 - (a * side) / 2,
  };
}

/** Red, green and blue planes (0 to 255) of a `side` x `side` view; outside the photograph its border goes on. */
export function viewOf({ data, width, height, channels }: Pixels, map: Similarity, side: number): Float32Array {
  const planes = new Float32Array(3 * side * side);
  // Where the view shrinks the photograph, several points stand for a pixel.
  const points = Math.max(1, Math.min(3, Math.ceil(Math.hypot(map.a, map.b))));
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const at = row * side + column;
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let v = 0.5 / points; v < 1; v += 1 / points) {
        for (let u = 0.5 / points; u < 1; u += 1 / points) {
          const x = map.a * (column + u) - map.b * (row + v) + map.left - 0.5;
          const y = map.b * (column + u) + map.a * (row + v) + map.top - 0.5;
          const left = Math.floor(x);
          const top = Math.floor(y);
          const x0 = Math.min(width - 1, Math.max(0, left));
          const x1 = Math.min(width - 1, Math.max(0, left + 1));
          const y0 = Math.min(height - 1, Math.max(0, top)) * width;
          const y1 = Math.min(height - 1, Math.max(0, top + 1)) * width;
          const f = x - left;
          const g = y - top;
          const p = (1 - f) * (1 - g);
          const q = f * (1 - g);
          const r = (1 - f) * g;
          const s = f * g;
          const i = (y0 + x0) * channels;
          const j = (y0 + x1) * channels;
          const k = (y1 + x0) * channels;
          const l = (y1 + x1) * channels;
          red += p * data[i]! + q * data[j]! + r * data[k]! + s * data[l]!;
          green += p * data[i + 1]! + q * data[j + 1]! + r * data[k + 1]! + s * data[l + 1]!;
          blue += p * data[i + 2]! + q * data[j + 2]! + r * data[k + 2]! + s * data[l + 2]!;
        }
      }
      const count = points * points;
      planes[at] = red / count;
      planes[at + side * side] = green / count;
      planes[at + 2 * side * side] = blue / count;
    }
  }
  return planes;
}

/** A view's brightness, one plane. */
export function lumaOfView(planes: Float32Array): Float32Array {
  const plane = planes.length / 3;
  return Float32Array.from({ length: plane }, (_, at) => {
    return 0.299 * planes[at]! + 0.587 * planes[at + plane]! + 0.114 * planes[at + 2 * plane]!;
  });
}

/** A view as a vector to compare: brightness, and colour of 2 x 2 pixels each, with mean 0 and length 1. */
export function pixelVector(planes: Float32Array, side: number): Float32Array {
  const plane = side * side;
  const half = side >> 1;
  const vector = new Float32Array(plane + 2 * half * half);
  vector.set(lumaOfView(planes));
  let mean = 0;
  for (let at = 0; at < plane; at++) mean += vector[at]! / plane;
  for (let at = 0; at < plane; at++) vector[at]! -= mean;
  for (let row = 0, to = plane; row < half; row++) {
    for (let column = 0; column < half; column++, to++) {
      const at = 2 * (row * side + column);
      for (const from of [at, at + 1, at + side, at + side + 1]) {
        const luma = vector[from]! + mean;
        vector[to]! += (planes[from]! - luma) / 4;
        vector[to + half * half]! += (planes[from + 2 * plane]! - luma) / 4;
      }
    }
  }
  return unit(vector);
}

/** The vector with length 1, in place; one of no length stays. */
export function unit(vector: Float32Array): Float32Array {
  let square = 0;
  for (const value of vector) square += value * value;
  if (square > 0) for (let at = 0; at < vector.length; at++) vector[at]! /= Math.sqrt(square);
  return vector;
}

function meanOf(points: readonly Point[]): Point {
  return {
    x: points.reduce((sum, { x }) => sum + x, 0) / points.length,
    y: points.reduce((sum, { y }) => sum + y, 0) / points.length,
  };
}
