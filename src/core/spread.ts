import type { Region } from "./region.ts";

/**
 * A face found in one frame of an animation is masked in the neighbouring frames too: one missed frame would undo all
 * the others. Regions without a frame stand for every frame and pass unchanged.
 */
export function spreadOverFrames(regions: readonly Region[], frames: number, reach = 2): readonly Region[] {
  const spread: Region[] = [];
  for (const region of regions) {
    const { frame } = region;
    if (frame === undefined) {
      spread.push(region);
      continue;
    }
    for (let near = Math.max(0, frame - reach); near <= Math.min(frames - 1, frame + reach); near++) {
      spread.push({ ...region, frame: near });
    }
  }
  return spread;
}
