import type { Candidate, Window } from "./candidate.ts";
import type { Box } from "./region.ts";

/** One pass's answer: planes of `rows` x `columns` cells, a cell for every 4 x 4 pixels of the network's input. */
export interface CellMaps {
  /** One plane of logits. */
  readonly scores: Float32Array;
  /** Sixteen planes: centre x and y as offsets from the cell's own centre, width, height, six keypoints (offsets). */
  readonly boxes: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

const cellSize = 4;
const keypointCount = 6;

/**
 * The cells inside `window` that score at least `minScore`, in pixels of the network's input, as MediaPipe's
 * face_detection_full_range options decode them (one anchor a cell, size 1, scale 1, sigmoid).
 */
export function decodeCells(maps: CellMaps, window: Window, minScore: number): Candidate[] {
  const { scores, boxes, columns } = maps;
  const plane = maps.rows * columns;
  // Logits are compared before the sigmoid: it is needed for one cell in ten thousand.
  const minLogit = Math.log(minScore / (1 - minScore));
  const candidates: Candidate[] = [];
  for (let row = window.top / cellSize; row < window.bottom / cellSize; row++) {
    for (let column = window.left / cellSize; column < window.right / cellSize; column++) {
      const cell = row * columns + column;
      const logit = scores[cell]!;
      if (!(logit >= minLogit)) continue;
      const anchorX = (column + 0.5) * cellSize;
      const anchorY = (row + 0.5) * cellSize;
      const width = boxes[cell + 2 * plane]!;
      const height = boxes[cell + 3 * plane]!;
      if (!(width > 0 && height > 0)) continue;
      const keypoints = Array.from({ length: keypointCount }, (_, index) => ({
        x: anchorX + boxes[cell + (4 + 2 * index) * plane]!,
        y: anchorY + boxes[cell + (5 + 2 * index) * plane]!,
      }));
      const x = anchorX + boxes[cell]! - width / 2;
      const y = anchorY + boxes[cell + plane]! - height / 2;
      candidates.push({ box: { x, y, width, height }, score: 1 / (1 + Math.exp(-logit)), keypoints });
    }
  }
  return candidates;
}

/**
 * The network's square box as a Region's: from brow to chin and ear to ear, the way WIDER FACE draws it. The three
 * numbers are the median fit to WIDER FACE's boxes.
 */
export function calibrate({ x, y, width, height }: Box): Box {
  const centerX = x + width / 2;
  const centerY = y + height / 2 - 0.043 * height;
  const fitted = { width: width * 0.907, height: height * 1.183 };
  return { x: centerX - fitted.width / 2, y: centerY - fitted.height / 2, ...fitted };
}
