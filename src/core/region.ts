/** A rectangle in pixels of the upright picture; x and y are its top left corner. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * Something to be masked. For a face `box` runs from brow to chin and ear to ear (the way WIDER FACE draws it),
 * whichever detector found it; the mask itself reaches further (see mask geometry).
 */
export interface Region {
  readonly kind: "face" | "text" | "plate";
  readonly box: Box;
  /** 0 to 1; 1 for what a person drew. */
  readonly score: number;
  /** Right eye, left eye, nose tip, mouth, right ear, left ear, where the detector gives them. */
  readonly keypoints?: readonly Point[];
  /** Zero-based frame of an animation; absent: the only one. */
  readonly frame?: number;
}

/** Intersection over union of two boxes, 0 to 1. */
export function iou(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / (a.width * a.height + b.width * b.height - shared);
}
