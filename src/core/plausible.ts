import type { Box } from "./region.ts";

/** Width by height. Labelled faces of WIDER FACE, the turned, covered and cut ones too, lie within 0.3 and 2.2. */
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
