import type { Candidate } from "./candidate.ts";
import type { Turn } from "./presets.ts";
import type { Point } from "./region.ts";

/**
 * The candidate where it lies in the picture as it was before it was turned clockwise; width and height are those of
 * the picture before.
 */
export function turnBack(candidate: Candidate, turn: Turn, width: number, height: number): Candidate {
  if (turn === 0) return candidate;
  const { x, y, width: across, height: down } = candidate.box;
  const back = (point: Point) => pointBack(point, turn, width, height);
  // The corner that becomes the upper left one depends on the turn: the least of two opposite corners is it always.
  const [a, b] = [back({ x, y }), back({ x: x + across, y: y + down })];
  const box = {
    x: Math.min(a.x, b.x),
    y: Math.min(a.y, b.y),
    width: Math.abs(a.x - b.x),
    height: Math.abs(a.y - b.y),
  };
  return { ...candidate, box, keypoints: candidate.keypoints.map(back) };
}

function pointBack({ x, y }: Point, turn: 90 | 180 | 270, width: number, height: number): Point {
  switch (turn) {
    case 90:
      return { x: y, y: height - x };
    case 180:
      return { x: width - x, y: height - y };
    case 270:
      return { x: width - y, y: x };
  }
}
