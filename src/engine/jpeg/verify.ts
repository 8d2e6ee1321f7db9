import type { Pixels } from "../../core/detector.ts";
import type { Bounds } from "../../core/ellipse.ts";
import { Problem } from "../../errors.ts";
import type { Coefficients } from "./coefficients.ts";
import type { Recoded } from "./recode-blocks.ts";
import { reachOf } from "./touched-blocks.ts";
import type { StoredWalk } from "./turn.ts";

/** Fails with internal unless the picture that was read back is the original, but for the recoded blocks, which are new. */
export function checkCoefficients(original: Coefficients, recoded: readonly Recoded[], made: Coefficients): void {
  const shape = ({ width, height, progressive, colours, components }: Coefficients) =>
    JSON.stringify([
      width,
      height,
      progressive,
      colours,
      components.map(({ id, h, v, steps }) => [id, h, v, ...steps]),
    ]);
  if (shape(made) !== shape(original)) throw wrong("its header is another");
  for (const [index, { values, across, down, pitch }] of original.components.entries()) {
    const { places, values: fresh } = recoded[index]!;
    const now = made.components[index]!.values;
    for (let row = 0; row < down; row++) {
      for (let number = row * pitch; number < row * pitch + across; number++) {
        const place = places[number]!;
        const wanted = place < 0 ? values : fresh;
        const from = 64 * (place < 0 ? number : place);
        for (let k = 0; k < 64; k++) {
          if (now[64 * number + k] !== wanted[from + k])
            throw wrong(`block ${number} of component ${index} is another`);
        }
      }
    }
  }
}

/**
 * Fails with internal unless the decoded result is what it should be: out of reach of the recoded blocks every pixel is
 * the same as in the masked picture, and within it each cell of 8 x 8 pixels is as near to it as quantisation allows.
 * Both pictures are upright. For another decoder than the one that read the coefficients.
 */
export function checkPixels(
  picture: Coefficients,
  recoded: readonly Recoded[],
  walk: StoredWalk,
  masked: Pixels,
  made: Pixels,
): void {
  const same =
    made.width === masked.width && made.height === masked.height && made.channels === 3 && masked.channels === 3;
  if (!same) throw wrong("it has another size");
  const near = cellsWithinReach(picture, recoded);
  const columns = Math.ceil(picture.width / 8);
  const loss = lossOf(picture);
  for (let cell = 0; cell < near.length; cell++) {
    const [x, y] = [8 * (cell % columns), 8 * Math.floor(cell / columns)];
    const area = { left: x, top: y, right: Math.min(picture.width, x + 8), bottom: Math.min(picture.height, y + 8) };
    if (near[cell] === 0) {
      if (!equal(area, walk, masked.data, made.data)) throw wrong("a decoder shows a change outside the masks");
      continue;
    }
    const { difference, range } = compare(area, walk, masked.data, made.data);
    if (difference > 4 + loss + range / 4) throw wrong("a decoder shows something else inside a mask");
  }
}

/** By cell of 8 x 8 stored pixels: 1 where a recoded block can be seen. */
function cellsWithinReach({ width, height, components }: Coefficients, recoded: readonly Recoded[]): Uint8Array {
  const columns = Math.ceil(width / 8);
  const rows = Math.ceil(height / 8);
  const cells = new Uint8Array(columns * rows);
  for (const [index, { spanX, spanY, pitch }] of components.entries()) {
    const [reachX, reachY] = [reachOf(spanX), reachOf(spanY)];
    for (const [number, place] of recoded[index]!.places.entries()) {
      if (place < 0) continue;
      const [left, top] = [8 * spanX * (number % pitch), 8 * spanY * Math.floor(number / pitch)];
      const lastColumn = Math.min(columns - 1, Math.floor((left + 8 * spanX - 1 + reachX) / 8));
      const lastRow = Math.min(rows - 1, Math.floor((top + 8 * spanY - 1 + reachY) / 8));
      for (let row = Math.max(0, Math.floor((top - reachY) / 8)); row <= lastRow; row++) {
        cells.fill(1, row * columns + Math.max(0, Math.floor((left - reachX) / 8)), row * columns + lastColumn + 1);
      }
    }
  }
  return cells;
}

function equal(area: Bounds, { start, stepX, stepY }: StoredWalk, a: Uint8Array, b: Uint8Array): boolean {
  for (let y = area.top; y < area.bottom; y++) {
    let at = 3 * (start + area.left * stepX + y * stepY);
    for (let x = area.left; x < area.right; x++, at += 3 * stepX) {
      if (a[at] !== b[at] || a[at + 1] !== b[at + 1] || a[at + 2] !== b[at + 2]) return false;
    }
  }
  return true;
}

/** Mean difference of a cell's values in both pictures, and how far those of the first lie apart at most. */
function compare(area: Bounds, { start, stepX, stepY }: StoredWalk, a: Uint8Array, b: Uint8Array) {
  const { left, top, right, bottom } = area;
  let sum = 0;
  let range = 0;
  for (let channel = 0; channel < 3; channel++) {
    let least = 255;
    let most = 0;
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const at = 3 * (start + x * stepX + y * stepY) + channel;
        const value = a[at]!;
        sum += Math.abs(value - b[at]!);
        if (value < least) least = value;
        if (value > most) most = value;
      }
    }
    range = Math.max(range, most - least);
  }
  return { difference: sum / (3 * (right - left) * (bottom - top)), range };
}

/** What quantisation takes from a cell, as a mean difference: an eighth of the step. Measured: half of that. */
function lossOf({ components }: Coefficients): number {
  const rms = (steps: Uint16Array) => Math.sqrt(steps.reduce((sum, step) => sum + step * step, 0) / 64);
  return Math.max(...components.map(({ steps }) => rms(steps))) / 8;
}

function wrong(what: string): Problem {
  return new Problem("internal", `The losslessly masked JPEG is not what it should be: ${what}`, {
    remedy: "Mask it without the option lossless, and report this.",
  });
}
