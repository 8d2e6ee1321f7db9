import { type Cover, type Look, masksOf } from "../core/cover.ts";
import { boundsOf, inside } from "../core/ellipse.ts";
import type { Box, Region } from "../core/region.ts";

/** A face of which less than this share is masked at full strength leaks. */
export const leastCovered = 0.95;

const leastSteps = 20;
const mostSteps = 400;

/** Calls `visit` with the pixel (column, row) under each point of a fine grid over the ellipse inscribed in the box. */
function sample(box: Box, width: number, height: number, visit: (x: number, y: number) => void): void {
  const steps = Math.min(mostSteps, Math.max(leastSteps, Math.ceil(Math.max(box.width, box.height))));
  for (let row = 0; row < steps; row++) {
    const v = (row + 0.5) / steps;
    const y = Math.floor(box.y + v * box.height);
    if (y < 0 || y >= height) continue;
    for (let column = 0; column < steps; column++) {
      const u = (column + 0.5) / steps;
      if ((2 * u - 1) ** 2 + (2 * v - 1) ** 2 > 1) continue;
      const x = Math.floor(box.x + u * box.width);
      if (x >= 0 && x < width) visit(x, y);
    }
  }
}

/** Share (0 to 1) of a face's visible ellipse that a whole picture's cover hides at full strength; undefined: none is visible. */
export function coveredShare(box: Box, { bounds, values }: Cover): number | undefined {
  const width = bounds.right - bounds.left;
  let [seen, covered] = [0, 0];
  sample(box, width, bounds.bottom - bounds.top, (x, y) => {
    seen++;
    if (values[y * width + x] === 255) covered++;
  });
  return seen === 0 ? undefined : covered / seen;
}

/**
 * The highest score threshold up to which each face is masked: 0 where no threshold masks it. With it, one detection at a
 * low threshold tells the leaks at every other.
 */
export function maskedUpTo(
  faces: readonly Box[],
  regions: readonly Region[],
  picture: { readonly width: number; readonly height: number },
  look: Look,
): number[] {
  const { width, height } = picture;
  const masks = regions.map((region) => {
    const ellipse = masksOf([region], look)[0]!.ellipse;
    return { ellipse, score: region.score, reach: boundsOf(ellipse, width, height) };
  });
  return faces.map((box) => {
    const near = masks.filter(
      ({ reach }) =>
        reach.left < box.x + box.width && reach.right > box.x && reach.top < box.y + box.height && reach.bottom > box.y,
    );
    const best: number[] = [];
    sample(box, width, height, (x, y) => {
      let score = 0;
      for (const mask of near) if (mask.score > score && inside(mask.ellipse, x, y)) score = mask.score;
      best.push(score);
    });
    best.sort((a, b) => b - a);
    return best[Math.ceil(leastCovered * best.length) - 1] ?? 0;
  });
}
