import type { Bounds, Ellipse } from "./ellipse.ts";
import { extentOf } from "./ellipse.ts";

/** Red, green and blue, 0 to 255. */
export type Tone = readonly [number, number, number];

/** Cells of one tone each, rows from the top; those not `known` are to be filled. */
export interface Grid {
  readonly columns: number;
  readonly rows: number;
  readonly values: Float32Array;
  readonly known: Uint8Array;
}

/** A grid laid over a picture: square cells of `cell` whole pixels, the first one's corner at `left`, `top`. */
export interface Field extends Grid {
  readonly left: number;
  readonly top: number;
  readonly cell: number;
}

/** A grid of which nothing is known. */
export function createGrid(columns: number, rows: number): Grid {
  const cells = columns * rows;
  return { columns, rows, values: new Float32Array(3 * cells), known: new Uint8Array(cells) };
}

/** The cells that an ellipse, its radii times `scale`, touches: columns from left, rows from top, ends exclusive. */
export function cellsOf(field: Field, ellipse: Ellipse, scale: number): Bounds {
  const { cx, cy } = ellipse;
  const reached = extentOf(ellipse, scale);
  const { columns, rows, cell } = field;
  return {
    left: Math.max(0, Math.floor((cx - reached.x - field.left) / cell)),
    top: Math.max(0, Math.floor((cy - reached.y - field.top) / cell)),
    right: Math.min(columns, Math.ceil((cx + reached.x - field.left) / cell)),
    bottom: Math.min(rows, Math.ceil((cy + reached.y - field.top) / cell)),
  };
}
