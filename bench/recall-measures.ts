import type { Ellipse } from "../src/core/ellipse.ts";
import { ellipseOf, radiiSquared } from "../src/core/ellipse.ts";
import type { Box, Region } from "../src/core/region.ts";
import { iou } from "../src/core/region.ts";

/** A labelled face; one that does not count is neither a miss nor a false region. */
export interface Face {
  readonly box: Box;
  readonly counts: boolean;
}

/** For each face of the picture that counts: was it found (two measures)? And the regions that touch no face. */
export interface Outcome {
  readonly faces: readonly { readonly height: number; readonly matched: boolean; readonly covered: boolean }[];
  readonly falseRegions: number;
}

/**
 * - matched: a region has an intersection over union of at least 0.3 with the face (each region matches one face).
 * - covered: at least 95 % of the ellipse inscribed in the face's box lies under the masks of `standard` strength.
 */
export function judge(faces: readonly Face[], regions: readonly Region[], width: number, height: number): Outcome {
  const matches = matchedBoxes(faces, regions);
  const masks = regions.map((region) => ellipseOf(region.box, "standard", region.keypoints));
  return {
    faces: faces
      .filter((face) => face.counts)
      .map(({ box }) => ({
        height: box.height,
        matched: matches.has(box),
        covered: coveredShare(box, masks, width, height) >= 0.95,
      })),
    falseRegions: regions.filter((region) => faces.every((face) => iou(face.box, region.box) === 0)).length,
  };
}

function matchedBoxes(faces: readonly Face[], regions: readonly Region[]): Set<Box> {
  const matched = new Set<Box>();
  for (const region of regions.toSorted((a, b) => b.score - a.score)) {
    const [best] = faces
      .filter((face) => !matched.has(face.box) && iou(face.box, region.box) >= 0.3)
      .sort((a, b) => iou(b.box, region.box) - iou(a.box, region.box));
    if (best) matched.add(best.box);
  }
  return matched;
}

const steps = 20;

function coveredShare(box: Box, masks: readonly Ellipse[], width: number, height: number): number {
  let [inside, covered] = [0, 0];
  for (let row = 0; row < steps; row++) {
    for (let column = 0; column < steps; column++) {
      const [u, v] = [(column + 0.5) / steps, (row + 0.5) / steps];
      const [x, y] = [box.x + u * box.width, box.y + v * box.height];
      const visible = x >= 0 && y >= 0 && x < width && y < height;
      if (!visible || (2 * u - 1) ** 2 + (2 * v - 1) ** 2 > 1) continue;
      inside++;
      // radiiSquared speaks of pixels, whose centres lie half a pixel further.
      if (masks.some((mask) => radiiSquared(mask, x - 0.5, y - 0.5) <= 1)) covered++;
    }
  }
  return inside === 0 ? 1 : covered / inside;
}
