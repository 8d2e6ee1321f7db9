import type { Pixels } from "../core/detector.ts";
import type { Box } from "../core/region.ts";

/** Smaller faces have too few pixels: 16 x 16 are some 200 in the ellipse, and neighbours agree. */
const leastSide = 16;
/** From this correlation on detail may be the face's own. */
const visibleFrom = 0.3;
/**
 * A small soft oval correlates with any face, up to .62 below 24 pixels, but has no more than an eighth of its contrast;
 * a face that nothing hides has nine tenths of it (measured on 120 photographs).
 */
const visibleContrast = 0.15;
/** From this correlation on no contrast is too faint: a veil that one can see through. */
const surelyFrom = 0.75;
/** Grey levels, standard deviation: a codec's noise is as large. */
const leastDetail = 1.5;

/** What of a face's local detail is in another picture. */
export interface Detail {
  /** -1 to 1. */
  readonly correlation: number;
  /** How strong it is there, in proportion to the original: 1 for a copy. */
  readonly contrast: number;
}

/** Whether the face in the box can still be told by its detail; undefined where that says nothing (detailOf). */
export function isVisible(before: Pixels, after: Pixels, box: Box): boolean | undefined {
  const detail = detailOf(before, after, box);
  if (detail === undefined) return undefined;
  const { correlation, contrast } = detail;
  return correlation >= visibleFrom && (contrast >= visibleContrast || correlation >= surelyFrom);
}

/**
 * Compares two pictures' local detail in the ellipse inscribed in the box: brightness less its mean over a tenth of the
 * face. Undefined where it would say nothing: less than 16 pixels of the box's width or height within the picture, or an
 * original without detail.
 */
export function detailOf(before: Pixels, after: Pixels, box: Box): Detail | undefined {
  const [left, top] = [Math.max(0, Math.round(box.x)), Math.max(0, Math.round(box.y))];
  const right = Math.min(before.width, Math.round(box.x + box.width));
  const bottom = Math.min(before.height, Math.round(box.y + box.height));
  if (right - left < leastSide || bottom - top < leastSide) return undefined;
  const area = { left, top, right, bottom, reach: Math.max(1, Math.round(box.width / 20)) };
  return compare(detailIn(before, box, area), detailIn(after, box, area));
}

interface Area {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly reach: number;
}

function detailIn(pixels: Pixels, box: Box, { left, top, right, bottom, reach }: Area): Float64Array {
  const [columns, rows] = [right - left, bottom - top];
  const grey = new Float64Array(columns * rows);
  // Sums over all that lies above and to the left: any neighbourhood's mean in four look-ups.
  const sums = new Float64Array((columns + 1) * (rows + 1));
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const value = luma(pixels, left + x, top + y);
      grey[y * columns + x] = value;
      const at = (y + 1) * (columns + 1) + x + 1;
      sums[at] = value + sums[at - 1]! + sums[at - columns - 1]! - sums[at - columns - 2]!;
    }
  }
  const values: number[] = [];
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const u = (2 * (left + x + 0.5 - box.x)) / box.width - 1;
      const v = (2 * (top + y + 0.5 - box.y)) / box.height - 1;
      if (u * u + v * v > 1) continue;
      const [x0, y0] = [Math.max(0, x - reach), Math.max(0, y - reach)];
      const [x1, y1] = [Math.min(columns, x + reach + 1), Math.min(rows, y + reach + 1)];
      const at = (column: number, row: number) => sums[row * (columns + 1) + column]!;
      const sum = at(x1, y1) - at(x0, y1) - at(x1, y0) + at(x0, y0);
      values.push(grey[y * columns + x]! - sum / ((x1 - x0) * (y1 - y0)));
    }
  }
  return Float64Array.from(values);
}

/** As a viewer sees it: over mid grey where it is transparent. */
function luma({ data, width, channels }: Pixels, x: number, y: number): number {
  const at = (y * width + x) * channels;
  const value = 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!;
  return channels === 3 ? value : 128 + ((value - 128) * data[at + 3]!) / 255;
}

function compare(a: Float64Array, b: Float64Array): Detail | undefined {
  const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [both, squaresA, squaresB] = [0, 0, 0];
  for (const [index, value] of a.entries()) {
    const [x, y] = [value - meanA, b[index]! - meanB];
    both += x * y;
    squaresA += x * x;
    squaresB += y * y;
  }
  if (Math.sqrt(squaresA / a.length) < leastDetail) return undefined;
  // A flat fill has no detail at all.
  return { correlation: squaresB < 1e-9 ? 0 : both / Math.sqrt(squaresA * squaresB), contrast: both / squaresA };
}
