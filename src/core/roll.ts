import type { Box, Point } from "./region.ts";

/** Below it a head counts as upright: the keypoints of small faces are not surer than that. */
const leastRoll = Math.PI / 12;
/** Eyes and mouth must agree on which way is down to within this angle, or neither is believed. */
const agreement = Math.PI / 5;
/** And eyes and mouth must lie at least so far apart, in lengths of the box's longer side. */
const leastLength = 0.15;

/**
 * Radians by which a head lies over, clockwise as the picture is seen, from -pi to pi; 0 for one that is nearly
 * upright, or where the keypoints are too few or contradict one another. They are right eye, left eye, nose tip, then
 * the mouth's middle (of four or six) or its two corners (of five).
 */
export function rollOf(keypoints: readonly Point[] | undefined, box: Box): number {
  if (keypoints === undefined || keypoints.length < 4) return 0;
  const [rightEye, leftEye, , corner, other] = keypoints;
  const mouth = keypoints.length === 5 ? between(corner!, other!) : corner!;
  const eyes = between(rightEye!, leftEye!);
  const down = { x: mouth.x - eyes.x, y: mouth.y - eyes.y };
  const across = { x: leftEye!.x - rightEye!.x, y: leftEye!.y - rightEye!.y };
  if (!(Math.hypot(down.x, down.y) > leastLength * Math.max(box.width, box.height))) return 0;
  const byMouth = Math.atan2(-down.x, down.y);
  const distance = Math.hypot(across.x, across.y);
  // In profile the eyes lie nearly on one another and say nothing.
  if (distance > leastLength * Math.max(box.width, box.height)) {
    const byEyes = Math.atan2(across.y, across.x);
    const apart = Math.atan2(Math.sin(byEyes - byMouth), Math.cos(byEyes - byMouth));
    if (!(Math.abs(apart) < agreement)) return 0;
  }
  const roll = Math.atan2(across.y - down.x, across.x + down.y);
  return Math.abs(roll) >= leastRoll ? roll : 0;
}

/** Between the eyes, and from them to the mouth, in detector box widths: medians of upright faces. */
const spans = { eyes: 0.39, mouth: 0.42 };

/**
 * The width that a detector's own box would have for an upright head with these keypoints. As a head turns over, boxes
 * shrink to three quarters and less while the keypoints keep their distances.
 */
export function widthBy(keypoints: readonly Point[]): number {
  const [rightEye, leftEye, , corner, other] = keypoints;
  const mouth = keypoints.length === 5 ? between(corner!, other!) : corner!;
  const eyes = between(rightEye!, leftEye!);
  const apart = Math.hypot(leftEye!.x - rightEye!.x, leftEye!.y - rightEye!.y);
  // Turned away, the eyes draw together; nodding, eyes and mouth do.
  return Math.max(apart / spans.eyes, Math.hypot(mouth.x - eyes.x, mouth.y - eyes.y) / spans.mouth);
}

function between(a: Point, b: Point): Point {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}
