import type { DecidedRegion, ReviewRegion } from "../../../src/http/schema.ts";
import { byPlace, givenBox, type ShownRegion } from "../regions/region-edits.ts";

/** What a look found, to be shown, with all that was said of it. */
export interface HeldRegion extends ShownRegion {
  readonly found: readonly ReviewRegion[];
}

/**
 * What both looks found as regions to show. Of an animation its first frame is seen: what lies in that one is apart from
 * what lies in the others, so that moving or removing the one leaves the other as it was.
 */
export function heldRegions(found: readonly ReviewRegion[]): readonly HeldRegion[] {
  const isSeen = ({ frame }: ReviewRegion) => frame === undefined || frame === 0;
  const seen = found.filter(isSeen).map((region) => [region]);
  const elsewhere = (["first", "second"] as const).flatMap((look) =>
    byPlace(found.filter((region) => region.look === look && !isSeen(region))),
  );
  return [...seen, ...elsewhere].map((regions, index) => {
    const { look, frame } = regions[0]!;
    return {
      id: `${look} ${index}`,
      boxes: regions.map(givenBox),
      score: Math.max(...regions.map(({ score }) => score)),
      drawn: false,
      look,
      found: regions,
      ...(frame !== undefined && frame > 0 && { frames: regions.map((region) => region.frame!) }),
    };
  });
}

/** As a decision says them: what was left alone with its keypoints and frame, what a hand drew or moved as a box, in every frame. */
export function decidedRegions(shown: readonly ShownRegion[], held: readonly HeldRegion[]): readonly DecidedRegion[] {
  const found = new Map(held.map((region) => [region.id, region.found]));
  return shown.flatMap(({ id, drawn, boxes }): readonly DecidedRegion[] =>
    drawn ? boxes.map((box) => ({ box })) : found.get(id)!,
  );
}
