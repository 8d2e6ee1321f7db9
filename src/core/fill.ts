import type { Field, Tone } from "./grid.ts";

/** Writes what stands in for the pixels `left` to `right` (exclusive) of row y: three bytes each, from line[0]. */
export type Fill = (y: number, left: number, right: number, line: Uint8Array) => void;

/** One tone everywhere. */
export function solidFill([red, green, blue]: Tone): Fill {
  return (_y, left, right, line) => {
    for (let at = 0; at < 3 * (right - left); at += 3) {
      line[at] = red;
      line[at + 1] = green;
      line[at + 2] = blue;
    }
  };
}

/** The field as a quadratic B-spline: soft, without a crease where cells meet, within the range of the cells. */
export function smoothFill(field: Field): Fill {
  const { columns, cell } = field;
  const perPixel = 1 / cell;
  const row = new Float32Array(3 * columns);
  return (y, left, right, line) => {
    const first = Math.floor((left - field.left) / cell);
    const last = Math.floor((right - 1 - field.left) / cell);
    blendRows(field, y, Math.max(0, first - 1), Math.min(columns - 1, last + 1), row);
    for (let column = first, x = left, to = 0; column <= last; column++) {
      const here = 3 * column;
      const before = column > 0 ? here - 3 : here;
      const after = column < columns - 1 ? here + 3 : here;
      // Within a cell the spline is a parabola in f, 0 in the middle; the half rounds, as bytes cut off the fraction.
      const red = row[here]!;
      const redSlope = (row[after]! - row[before]!) / 2;
      const redBend = (row[before]! + row[after]!) / 2 - red;
      const redBase = red + redBend / 4 + 0.5;
      const green = row[here + 1]!;
      const greenSlope = (row[after + 1]! - row[before + 1]!) / 2;
      const greenBend = (row[before + 1]! + row[after + 1]!) / 2 - green;
      const greenBase = green + greenBend / 4 + 0.5;
      const blue = row[here + 2]!;
      const blueSlope = (row[after + 2]! - row[before + 2]!) / 2;
      const blueBend = (row[before + 2]! + row[after + 2]!) / 2 - blue;
      const blueBase = blue + blueBend / 4 + 0.5;
      const begin = field.left + column * cell;
      const end = Math.min(right, begin + cell);
      for (; x < end; x++, to += 3) {
        const f = (x + 0.5 - begin) * perPixel - 0.5;
        line[to] = redBase + f * (redSlope + f * redBend);
        line[to + 1] = greenBase + f * (greenSlope + f * greenBend);
        line[to + 2] = blueBase + f * (blueSlope + f * blueBend);
      }
    }
  };
}

/** The columns `from` to `to` of the spline, taken down to the height of pixel row y. */
function blendRows(field: Field, y: number, from: number, to: number, row: Float32Array): void {
  const { columns, rows, cell, values } = field;
  const index = Math.floor((y - field.top) / cell);
  const f = (y + 0.5 - field.top) / cell - index;
  const a = ((1 - f) * (1 - f)) / 2;
  const c = (f * f) / 2;
  const b = 1 - a - c;
  const above = 3 * columns * Math.max(0, index - 1);
  const here = 3 * columns * index;
  const below = 3 * columns * Math.min(rows - 1, index + 1);
  for (let at = 3 * from; at < 3 * to + 3; at++) {
    row[at] = a * values[above + at]! + b * values[here + at]! + c * values[below + at]!;
  }
}
