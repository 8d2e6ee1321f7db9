import type { Candidate, Window } from "./candidate.ts";
import type { Box, Point } from "./region.ts";

/** The answer of one head of a strided detector: a cell for every `stride` x `stride` pixels of the network's input. */
export interface Head {
  readonly stride: number;
  readonly columns: number;
  /** Cells that share a place; more than one where the network has several anchors. */
  readonly anchors: number;
  /** A number a cell that grows with the score; compared before `score` is asked. */
  readonly scores: Float32Array;
  /** Four numbers a cell. */
  readonly boxes: Float32Array;
  /** Ten numbers a cell, five points as offsets from the cell in strides: eyes, nose tip, corners of the mouth. */
  readonly points: Float32Array;
}

/** YuNet: centre as an offset from the cell, logarithm of the sides, all in strides. */
export function centredBox({ boxes, stride }: Head, cell: number, x: number, y: number): Box {
  const width = Math.exp(boxes[4 * cell + 2]!) * stride;
  const height = Math.exp(boxes[4 * cell + 3]!) * stride;
  const centreX = x + boxes[4 * cell]! * stride;
  const centreY = y + boxes[4 * cell + 1]! * stride;
  return { x: centreX - width / 2, y: centreY - height / 2, width, height };
}

/** SCRFD: distances from the cell to the left, upper, right and lower side, in strides. */
export function sidedBox({ boxes, stride }: Head, cell: number, x: number, y: number): Box {
  const left = boxes[4 * cell]! * stride;
  const top = boxes[4 * cell + 1]! * stride;
  const right = boxes[4 * cell + 2]! * stride;
  const bottom = boxes[4 * cell + 3]! * stride;
  return { x: x - left, y: y - top, width: left + right, height: top + bottom };
}

/**
 * The cells of a head whose place lies inside `window` and that score at least `minScore`, in pixels of the network's
 * input. A cell's place is its upper left corner.
 */
export function decodeHead(
  head: Head,
  window: Window,
  minScore: number,
  boxOf: (head: Head, cell: number, x: number, y: number) => Box,
): Candidate[] {
  const { stride, columns, anchors, scores } = head;
  const candidates: Candidate[] = [];
  for (let row = Math.ceil(window.top / stride); row * stride < window.bottom; row++) {
    for (let column = Math.ceil(window.left / stride); column * stride < window.right; column++) {
      for (let anchor = 0; anchor < anchors; anchor++) {
        const cell = (row * columns + column) * anchors + anchor;
        const score = scores[cell]!;
        if (!(score >= minScore)) continue;
        const [x, y] = [column * stride, row * stride];
        const box = boxOf(head, cell, x, y);
        if (!(box.width > 0 && box.height > 0 && Number.isFinite(box.width + box.height))) continue;
        candidates.push({ box, score: Math.min(1, score), keypoints: keypointsOf(head, cell, x, y) });
      }
    }
  }
  return candidates;
}

/** Right eye, left eye, nose tip, middle of the mouth. */
function keypointsOf({ points, stride }: Head, cell: number, x: number, y: number): Point[] {
  const at = (index: number): Point => ({
    x: x + points[10 * cell + 2 * index]! * stride,
    y: y + points[10 * cell + 2 * index + 1]! * stride,
  });
  const [right, left] = [at(3), at(4)];
  return [at(0), at(1), at(2), { x: (right.x + left.x) / 2, y: (right.y + left.y) / 2 }];
}
