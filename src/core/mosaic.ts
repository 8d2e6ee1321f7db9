import type { Mask } from "./cover.ts";
import type { Fill } from "./fill.ts";
import type { Field } from "./grid.ts";
import type { Strength } from "./policy.ts";
import { lumaOf } from "./tone.ts";

/** Cells across a face: of a group's, the largest. */
const cellsAcross: Record<Strength, number> = { standard: 4, strong: 3, maximum: 2 };
/** Between the levels of a cell's luma, and of what its colours add to that: coarser, and hues would jump. */
const lumaStep = 16;
const colourStep = 8;
/** Added to a cell's luma by its place alone: neighbours differ, and the eye sees a mosaic where the field is even. */
const pattern = [
  [-3, 6, -8, 2],
  [8, -5, 4, -2],
  [-6, 3, -1, 7],
  [1, -7, 5, -4],
] as const;

/** The field as square cells about the middle of the largest face, each of one tone: its mean there, quantised. */
export function mosaicFill(field: Field, masks: readonly Mask[], strength: Strength): Fill {
  const { box, width } = masks.reduce((largest, mask) => (mask.width > largest.width ? mask : largest));
  const side = Math.max(field.cell, width / cellsAcross[strength]);
  // The cell on the face's middle is number 0; the table begins with the one on the field's corner.
  const originX = box.x + (box.width - side) / 2;
  const originY = box.y + (box.height - side) / 2;
  const firstColumn = Math.floor((field.left - originX) / side);
  const firstRow = Math.floor((field.top - originY) / side);
  const columns = Math.ceil((field.left + field.columns * field.cell - originX) / side) - firstColumn;
  const rows = Math.ceil((field.top + field.rows * field.cell - originY) / side) - firstRow;
  const tones = new Uint8Array(3 * columns * rows);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, at += 3) {
      const x = originX + (firstColumn + column) * side;
      const y = originY + (firstRow + row) * side;
      const shift = pattern[(firstRow + row) & 3]![(firstColumn + column) & 3]!;
      writeTone(tones, at, meanOf(field, x, y, side), shift);
    }
  }
  return (y, left, right, line) => {
    const row = Math.floor((y + 0.5 - originY) / side) - firstRow;
    let column = Math.floor((left + 0.5 - originX) / side) - firstColumn;
    for (let x = left, to = 0; x < right; column++) {
      const end = Math.min(right, Math.ceil(originX + (firstColumn + column + 1) * side - 0.5));
      const at = 3 * (row * columns + column);
      for (; x < end; x++, to += 3) {
        line[to] = tones[at]!;
        line[to + 1] = tones[at + 1]!;
        line[to + 2] = tones[at + 2]!;
      }
    }
  };
}

/** The mean of the field's cells in a square, of the nearest where none has its middle in it. */
function meanOf(field: Field, x: number, y: number, side: number): [number, number, number] {
  const { columns, rows, cell, values } = field;
  const clamp = (value: number, count: number) => Math.min(count - 1, Math.max(0, Math.round(value)));
  const left = clamp((x - field.left) / cell, columns);
  const right = Math.max(left, clamp((x + side - field.left) / cell - 1, columns));
  const top = clamp((y - field.top) / cell, rows);
  const bottom = Math.max(top, clamp((y + side - field.top) / cell - 1, rows));
  const sum: [number, number, number] = [0, 0, 0];
  for (let row = top; row <= bottom; row++) {
    for (let at = 3 * (row * columns + left); at <= 3 * (row * columns + right); at += 3) {
      sum[0] += values[at]!;
      sum[1] += values[at + 1]!;
      sum[2] += values[at + 2]!;
    }
  }
  const count = (right - left + 1) * (bottom - top + 1);
  return [sum[0] / count, sum[1] / count, sum[2] / count];
}

function writeTone(tones: Uint8Array, at: number, tone: readonly [number, number, number], shift: number): void {
  const luma = lumaOf(...tone);
  const level = Math.round(luma / lumaStep) * lumaStep + shift;
  for (let k = 0; k < 3; k++) {
    const value = level + Math.round((tone[k]! - luma) / colourStep) * colourStep;
    tones[at + k] = Math.min(255, Math.max(0, value));
  }
}
