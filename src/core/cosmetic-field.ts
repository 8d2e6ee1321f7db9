import type { Cluster } from "./cluster.ts";
import type { Pixels } from "./detector.ts";
import { smooth } from "./field.ts";
import type { Field, Tone } from "./grid.ts";
import { createGrid } from "./grid.ts";
import { stretchMembrane } from "./membrane.ts";
import type { Strength } from "./policy.ts";

/** Standard deviation of the blur in widths of the largest face. */
const deviation: Record<Strength, number> = { standard: 0.1, strong: 0.15, maximum: 0.2 };
/** A binomial smoothing has a variance of half a cell; what sampling and the spline add is about a third of one. */
const smoothings = 7;
/** So that those smoothings make the deviation. */
const cellsPerDeviation = 2;
/** Stands in for what alpha hides altogether. */
const neutral: Tone = [128, 124, 120];

/**
 * A plain Gaussian blur of the picture itself: it looks kind and hides no identity. Not for anonymisation; whoever
 * calls it has checked that the policy says so.
 */
export function cosmeticField(pixels: Pixels, { bounds, masks }: Cluster, strength: Strength): Field {
  const sigma = deviation[strength] * Math.max(...masks.map(({ width }) => width));
  const cell = Math.max(1, Math.round(sigma / cellsPerDeviation));
  // Whole cells beyond the masks, so that the blur at their edge knows what lies outside.
  const margin = cell * cellsPerDeviation * 3;
  const left = Math.max(0, bounds.left - margin);
  const top = Math.max(0, bounds.top - margin);
  const columns = Math.ceil((Math.min(pixels.width, bounds.right + margin) - left) / cell);
  const rows = Math.ceil((Math.min(pixels.height, bounds.bottom + margin) - top) / cell);
  const field = { ...createGrid(columns, rows), left, top, cell };
  average(pixels, field);
  stretchMembrane(field, neutral);
  for (let pass = 0; pass < smoothings; pass++) smooth(field);
  return field;
}

/** Each cell becomes the mean of its pixels, weighted by alpha. */
function average({ data, width, height, channels }: Pixels, field: Field): void {
  const { columns, rows, cell, values, known } = field;
  for (let row = 0, at = 0; row < rows; row++) {
    const top = field.top + row * cell;
    const bottom = Math.min(height, top + cell);
    for (let column = 0; column < columns; column++, at++) {
      const left = field.left + column * cell;
      const right = Math.min(width, left + cell);
      let red = 0;
      let green = 0;
      let blue = 0;
      let weight = 0;
      for (let y = top; y < bottom; y++) {
        for (let x = left, from = (y * width + left) * channels; x < right; x++, from += channels) {
          const alpha = channels === 4 ? data[from + 3]! : 255;
          red += data[from]! * alpha;
          green += data[from + 1]! * alpha;
          blue += data[from + 2]! * alpha;
          weight += alpha;
        }
      }
      if (weight === 0) continue;
      known[at] = 1;
      values[3 * at] = red / weight;
      values[3 * at + 1] = green / weight;
      values[3 * at + 2] = blue / weight;
    }
  }
}
