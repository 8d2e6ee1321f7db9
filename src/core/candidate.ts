import type { Box, Point } from "./region.ts";

/** What one cell, one pass or several passes together believe to be a face. */
export interface Candidate {
  readonly box: Box;
  readonly score: number;
  /** In the order of Region.keypoints. */
  readonly keypoints: readonly Point[];
}

/** Pixels of a network's input from `left` and `top` up to but without `right` and `bottom`. */
export interface Window {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The candidate in another frame of reference: scaled, then moved. */
export function place(candidate: Candidate, scaleX: number, scaleY: number, left = 0, top = 0): Candidate {
  const { box, score, keypoints } = candidate;
  return {
    box: { x: box.x * scaleX + left, y: box.y * scaleY + top, width: box.width * scaleX, height: box.height * scaleY },
    score,
    keypoints: keypoints.map((point) => ({ x: point.x * scaleX + left, y: point.y * scaleY + top })),
  };
}
