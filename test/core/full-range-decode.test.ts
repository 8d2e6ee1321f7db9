import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { place } from "../../src/core/candidate.ts";
import type { CellMaps } from "../../src/core/full-range-decode.ts";
import { calibrate, decodeCells } from "../../src/core/full-range-decode.ts";

const everything = { left: 0, top: 0, right: 16, bottom: 8 };

describe("decoding the network's cells", () => {
  it("turns offsets from a cell's centre into a box and keypoints", () => {
    const maps = silence();
    // The cell in column 2, row 1 is centred on (10, 6).
    setCell(maps, 2, 1, { logit: 0, values: [1, -2, 8, 6, 3, 4, -3, 4, 0, 0, 0, 0, 0, 0, 5, 5] });
    const [face, ...others] = decodeCells(maps, everything, 0.5);
    assert.equal(others.length, 0);
    assert.deepEqual(face!.box, { x: 7, y: 1, width: 8, height: 6 });
    assert.equal(face!.score, 0.5);
    assert.deepEqual(face!.keypoints[0], { x: 13, y: 10 });
    assert.deepEqual(face!.keypoints[5], { x: 15, y: 11 });
    assert.equal(face!.keypoints.length, 6);
  });

  it("drops cells below the score", () => {
    const maps = silence();
    setCell(maps, 0, 0, { logit: Math.log(0.29 / 0.71), values: square });
    setCell(maps, 3, 1, { logit: Math.log(0.31 / 0.69), values: square });
    const scores = decodeCells(maps, everything, 0.3).map(({ score }) => score.toFixed(2));
    assert.deepEqual(scores, ["0.31"]);
  });

  it("reads only the cells inside the window", () => {
    const maps = silence();
    for (const column of [0, 1, 2, 3]) setCell(maps, column, 1, { logit: 3, values: square });
    const found = decodeCells(maps, { left: 4, top: 0, right: 12, bottom: 8 }, 0.5);
    assert.deepEqual(
      found.map(({ box }) => box.x + box.width / 2),
      [6, 10],
    );
  });

  it("survives a network gone mad", () => {
    const maps = silence();
    setCell(maps, 0, 0, { logit: Number.NaN, values: square });
    setCell(maps, 1, 0, { logit: 5, values: square.with(2, Number.NaN) });
    setCell(maps, 2, 0, { logit: 5, values: square.with(3, -4) });
    setCell(maps, 3, 0, { logit: 500, values: square });
    assert.deepEqual(
      decodeCells(maps, everything, 0.5).map(({ score }) => score),
      [1],
    );
  });
});

describe("calibration", () => {
  it("makes the square box narrower, taller and a little higher, about its own centre", () => {
    const box = calibrate({ x: 100, y: 200, width: 100, height: 100 });
    assert.deepEqual(rounded(box), { x: 104.65, y: 186.55, width: 90.7, height: 118.3 });
  });

  it("goes with the picture's scale", () => {
    const small = calibrate({ x: 10, y: 20, width: 30, height: 30 });
    const large = calibrate({ x: 40, y: 80, width: 120, height: 120 });
    assert.deepEqual(rounded(place({ box: small, score: 1, keypoints: [] }, 4, 4).box), rounded(large));
  });
});

describe("placing a candidate", () => {
  it("scales, then moves, box and keypoints alike", () => {
    const candidate = { box: { x: 1, y: 2, width: 3, height: 4 }, score: 0.7, keypoints: [{ x: 1, y: 2 }] };
    const placed = { box: { x: 12, y: 26, width: 6, height: 12 }, score: 0.7, keypoints: [{ x: 12, y: 26 }] };
    assert.deepEqual(place(candidate, 2, 3, 10, 20), placed);
  });
});

const square = [0, 0, 8, 8, ...new Array<number>(12).fill(0)];

/** 4 x 2 cells, all certain that there is no face. */
function silence(): CellMaps {
  return { scores: new Float32Array(8).fill(-20), boxes: new Float32Array(8 * 16), rows: 2, columns: 4 };
}

function setCell(
  maps: CellMaps,
  column: number,
  row: number,
  cell: { logit: number; values: readonly number[] },
): void {
  const at = row * maps.columns + column;
  maps.scores[at] = cell.logit;
  for (const [plane, value] of cell.values.entries()) maps.boxes[plane * maps.rows * maps.columns + at] = value;
}

function rounded(box: object): object {
  return Object.fromEntries(Object.entries(box).map(([name, value]) => [name, Number(Number(value).toFixed(6))]));
}
