import type { Grid, Tone } from "./grid.ts";
import { createGrid } from "./grid.ts";

/** Per level: the grid of half the size leaves little more than what spans a cell, and few sweeps settle that. */
const sweeps = 6;

/**
 * Stretches a membrane over the unknown cells: each becomes, nearly, the mean of its neighbours (Laplace's equation),
 * from the known cells alone and within their range. Where nothing is known every cell becomes `neutral`.
 */
export function stretchMembrane(grid: Grid, neutral: Tone): void {
  const { known, values } = grid;
  const unknown = unknownCells(known);
  if (unknown.length === known.length) for (const cell of unknown) values.set(neutral, 3 * cell);
  else if (unknown.length > 0) {
    const coarse = halve(grid);
    stretchMembrane(coarse, neutral);
    for (const cell of unknown) interpolate(coarse, grid, cell);
    relax(grid, unknown);
  }
}

function unknownCells(known: Uint8Array): Uint32Array {
  const cells = new Uint32Array(known.length);
  let count = 0;
  for (let cell = 0; cell < known.length; cell++) if (!known[cell]) cells[count++] = cell;
  return cells.subarray(0, count);
}

/** The grid of half the columns and rows; a cell is known where one of its four is, as the mean of those. */
function halve({ columns, rows, values, known }: Grid): Grid {
  const half = createGrid(Math.ceil(columns / 2), Math.ceil(rows / 2));
  const count = new Uint8Array(half.known.length);
  for (let y = 0, cell = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++, cell++) {
      if (!known[cell]) continue;
      const to = (y >> 1) * half.columns + (x >> 1);
      count[to]!++;
      half.known[to] = 1;
      for (let k = 0; k < 3; k++) half.values[3 * to + k]! += values[3 * cell + k]!;
    }
  }
  for (let cell = 0; cell < count.length; cell++) {
    if (count[cell]! > 1) for (let k = 0; k < 3; k++) half.values[3 * cell + k]! /= count[cell]!;
  }
  return half;
}

function interpolate(coarse: Grid, fine: Grid, cell: number): void {
  const x = cell % fine.columns;
  const y = (cell - x) / fine.columns;
  const nearX = x >> 1;
  const nearY = y >> 1;
  // A fine cell's centre lies a quarter of a coarse cell from its own coarse centre, towards this neighbour.
  const farX = Math.min(coarse.columns - 1, Math.max(0, nearX + (x & 1 ? 1 : -1)));
  const farY = Math.min(coarse.rows - 1, Math.max(0, nearY + (y & 1 ? 1 : -1)));
  const a = 3 * (nearY * coarse.columns + nearX);
  const b = 3 * (nearY * coarse.columns + farX);
  const c = 3 * (farY * coarse.columns + nearX);
  const d = 3 * (farY * coarse.columns + farX);
  const from = coarse.values;
  for (let k = 0; k < 3; k++) {
    fine.values[3 * cell + k] = (9 * from[a + k]! + 3 * (from[b + k]! + from[c + k]!) + from[d + k]!) / 16;
  }
}

/** Gauss-Seidel sweeps; beyond the grid's edge a cell continues, so that nothing flows there. */
function relax({ columns, rows, values }: Grid, unknown: Uint32Array): void {
  const around = new Uint32Array(4 * unknown.length);
  for (let n = 0; n < unknown.length; n++) {
    const cell = unknown[n]!;
    const column = cell % columns;
    around[4 * n] = 3 * (column > 0 ? cell - 1 : cell);
    around[4 * n + 1] = 3 * (column < columns - 1 ? cell + 1 : cell);
    around[4 * n + 2] = 3 * (cell >= columns ? cell - columns : cell);
    around[4 * n + 3] = 3 * (cell < columns * (rows - 1) ? cell + columns : cell);
  }
  for (let sweep = 0; sweep < sweeps; sweep++) {
    for (let n = 0; n < unknown.length; n++) {
      const at = 3 * unknown[n]!;
      const a = around[4 * n]!;
      const b = around[4 * n + 1]!;
      const c = around[4 * n + 2]!;
      const d = around[4 * n + 3]!;
      values[at] = (values[a]! + values[b]! + values[c]! + values[d]!) / 4;
      values[at + 1] = (values[a + 1]! + values[b + 1]! + values[c + 1]! + values[d + 1]!) / 4;
      values[at + 2] = (values[a + 2]! + values[b + 2]! + values[c + 2]! + values[d + 2]!) / 4;
    }
  }
}
