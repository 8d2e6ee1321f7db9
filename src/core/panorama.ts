import type { Candidate } from "./candidate.ts";
import { place } from "./candidate.ts";
import type { Pixels } from "./detector.ts";

/** Smaller pictures of this shape are hardly ever panoramas, and a face on their border is found from its half. */
const leastWidth = 2048;
/** Of the width, on each side of the seam: a face near the camera is no wider. */
const reach = 1 / 8;

/**
 * The strip around the seam of an equirectangular panorama of 360 degrees, which is twice as wide as high: the
 * picture's right end, then its left end. Undefined for other pictures.
 */
export function seamOf({ data, width, height, channels }: Pixels): Pixels | undefined {
  if (width !== 2 * height || width < leastWidth) return undefined;
  const half = Math.round(width * reach);
  const [row, part] = [width * channels, half * channels];
  const strip = new Uint8Array(2 * part * height);
  for (let y = 0; y < height; y++) {
    strip.set(data.subarray((y + 1) * row - part, (y + 1) * row), 2 * y * part);
    strip.set(data.subarray(y * row, y * row + part), (2 * y + 1) * part);
  }
  return { data: strip, width: 2 * half, height, channels };
}

/** The faces of a strip that lie on the seam, where they are in the panorama: once past each of its ends. */
export function unwrap(faces: readonly Candidate[], stripWidth: number, width: number): Candidate[] {
  const half = stripWidth / 2;
  return faces
    .filter(({ box }) => box.x < half && box.x + box.width > half)
    .flatMap((face) => [place(face, 1, 1, width - half), place(face, 1, 1, -half)]);
}
