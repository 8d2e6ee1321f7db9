import type { Cluster } from "./cluster.ts";
import type { Cover, Mask } from "./cover.ts";
import type { Pixels } from "./detector.ts";
import type { Bounds } from "./ellipse.ts";
import type { Field, Grid, Tone } from "./grid.ts";
import { createGrid } from "./grid.ts";
import { stretchMembrane } from "./membrane.ts";
import type { Strength } from "./policy.ts";
import { tint } from "./tint.ts";
import { faceLuma, toneFor, warmed } from "./tone.ts";

/** Side of a cell in face widths: the ring that the membrane grows from is as wide. */
const cellWidth = 1 / 16;
/** In a group the smallest face sets the cells, but makes the largest face's no finer than this many times. */
const finest = 3;
/** Bounds the work for a crowd that fills a large picture. */
const maxCells = 1 << 18;
/** Across a cell: more pixels than these change its mean little. */
const samplesAcross = 4;
/** Of a cell's pixels, the share that must be visible for it to count as surroundings. */
const leastVisible = 0.25;
/** Smoothings of the membrane: together a standard deviation of one cell. */
const passes = 2;
/** Stands in where there is no surrounding to grow from. */
const neutral: Tone = [128, 124, 120];

/**
 * The field of a cluster. Of what the masks hide at full strength it uses one of four tones a face, and with strength
 * `maximum` nothing at all; the rest comes from the pixels around them.
 */
export function fieldOf(pixels: Pixels, cover: Cover, { bounds, masks }: Cluster, strength: Strength): Field {
  const cell = cellOf(bounds, masks);
  const columns = Math.ceil((bounds.right - bounds.left) / cell);
  const rows = Math.ceil((bounds.bottom - bounds.top) / cell);
  const field = { ...createGrid(columns, rows), left: bounds.left, top: bounds.top, cell };
  sample(pixels, cover, field, bounds);
  const warmth = warmthOf(field);
  stretchMembrane(field, neutral);
  for (let pass = 0; pass < passes; pass++) smooth(field);
  const tones = masks.map(({ box }) => {
    const luma = strength === "maximum" ? undefined : faceLuma(pixels, box);
    return warmed(toneFor(luma), warmth);
  });
  tint(field, masks, tones);
  return field;
}

function cellOf(bounds: Bounds, masks: readonly Mask[]): number {
  let smallest = Number.POSITIVE_INFINITY;
  let largest = 0;
  for (const { width } of masks) {
    smallest = Math.min(smallest, width);
    largest = Math.max(largest, width);
  }
  const area = (bounds.right - bounds.left) * (bounds.bottom - bounds.top);
  const wanted = cellWidth * Math.max(smallest, largest / finest);
  return Math.max(1, Math.round(wanted), Math.ceil(Math.sqrt(area / maxCells)));
}

/** Makes each cell known that is visible enough, as the mean of its pixels that no mask hides at full strength. */
function sample({ data, width, channels }: Pixels, cover: Cover, field: Field, bounds: Bounds): void {
  const { columns, rows, cell, values, known } = field;
  const step = Math.max(1, Math.floor(cell / samplesAcross));
  const pitch = cover.bounds.right - cover.bounds.left;
  for (let row = 0, at = 0; row < rows; row++) {
    const top = field.top + row * cell;
    const bottom = Math.min(top + cell, bounds.bottom);
    for (let column = 0; column < columns; column++, at++) {
      const left = field.left + column * cell;
      const right = Math.min(left + cell, bounds.right);
      if (isHidden(cover, left, top) && isHidden(cover, right - 1, bottom - 1)) {
        // Mostly hidden: at best a sliver between two masks is visible, which the membrane can do without.
        if (isHidden(cover, right - 1, top) && isHidden(cover, left, bottom - 1)) continue;
      }
      let red = 0;
      let green = 0;
      let blue = 0;
      let visible = 0;
      let all = 0;
      for (let y = top; y < bottom; y += step) {
        const hidden = (y - cover.bounds.top) * pitch - cover.bounds.left;
        for (let x = left; x < right; x += step) {
          all += 255;
          if (cover.values[hidden + x] === 255) continue;
          const from = (y * width + x) * channels;
          // What alpha hides gives no colour to the fill: it would be seen there.
          const alpha = channels === 4 ? data[from + 3]! : 255;
          red += data[from]! * alpha;
          green += data[from + 1]! * alpha;
          blue += data[from + 2]! * alpha;
          visible += alpha;
        }
      }
      if (visible === 0 || visible < all * leastVisible) continue;
      known[at] = 1;
      values[3 * at] = red / visible;
      values[3 * at + 1] = green / visible;
      values[3 * at + 2] = blue / visible;
    }
  }
}

function isHidden({ bounds, values }: Cover, x: number, y: number): boolean {
  return values[(y - bounds.top) * (bounds.right - bounds.left) + x - bounds.left] === 255;
}

/** 0 where the surroundings are grey, 1 where they have colour: a warm face in a grey picture would stand out. */
function warmthOf({ known, values }: Grid): number {
  let spread = 0;
  let cells = 0;
  for (let cell = 0; cell < known.length; cell++) {
    if (!known[cell]) continue;
    const red = values[3 * cell]!;
    const green = values[3 * cell + 1]!;
    const blue = values[3 * cell + 2]!;
    spread += Math.max(red, green, blue) - Math.min(red, green, blue);
    cells++;
  }
  // A grey picture stored in colour has a spread below 2 from its codec; white walls and black suits have more than 5.
  return cells === 0 ? 1 : Math.min(1, Math.max(0, (spread / cells - 2) / 3));
}

/** A binomial (1 2 1) / 4 along rows and columns, in place. */
export function smooth({ columns, rows, values }: Grid): void {
  for (let row = 0; row < rows; row++) smoothLine(values, 3 * row * columns, 3, columns);
  for (let column = 0; column < columns; column++) smoothLine(values, 3 * column, 3 * columns, rows);
}

function smoothLine(values: Float32Array, start: number, stride: number, length: number): void {
  for (let k = 0; k < 3; k++) {
    let at = start + k;
    let before = values[at]!;
    let here = before;
    for (let n = 1; n <= length; n++) {
      const after = n < length ? values[at + stride]! : here;
      values[at] = (before + 2 * here + after) / 4;
      before = here;
      here = after;
      at += stride;
    }
  }
}
