import type { Box } from "./region.ts";

/**
 * Width by height. Of 6,825 labelled faces, turned, covered and cut ones too, three are narrower (slivers of 2 to 8
 * pixels' width, at 0.18 to 0.22) and none is wider than 2.51.
 */
const narrowest = 0.25;
const widest = 3;
/** Of the picture's longer side: a face that fills it and is cut on all sides reaches so far. */
const largest = 1.6;

/** Whether a box can be a face's at all: a network answers with strips and with giants on leaves and on noise. */
export function isPlausible(
  { width, height }: Box,
  picture: { readonly width: number; readonly height: number },
): boolean {
  const aspect = width / height;
  const longest = Math.max(picture.width, picture.height) * largest;
  return aspect >= narrowest && aspect <= widest && width <= longest && height <= longest;
}
