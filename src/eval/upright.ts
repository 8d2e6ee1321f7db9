import type { Box } from "../core/region.ts";

/** A box of a picture as stored, width x height, in the picture as EXIF orientation (1 to 8) says to show it. */
export function uprightBox(box: Box, orientation: number, width: number, height: number): Box {
  const { x, y, width: w, height: h } = box;
  const [right, below] = [width - x - w, height - y - h];
  switch (orientation) {
    case 2:
      return { x: right, y, width: w, height: h };
    case 3:
      return { x: right, y: below, width: w, height: h };
    case 4:
      return { x, y: below, width: w, height: h };
    case 5:
      return { x: y, y: x, width: h, height: w };
    case 6:
      return { x: below, y: x, width: h, height: w };
    case 7:
      return { x: below, y: right, width: h, height: w };
    case 8:
      return { x: y, y: right, width: h, height: w };
    default:
      return box;
  }
}
