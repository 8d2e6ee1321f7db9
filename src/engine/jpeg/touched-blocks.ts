import type { Cover } from "../../core/cover.ts";
import type { Coefficients, Component } from "./coefficients.ts";
import type { StoredWalk } from "./turn.ts";

/**
 * How far beyond its own pixels a block may be seen, and may have been seen when it was made: decoders blend the samples
 * of a component that has fewer than pixels with their neighbours, by half a sample; encoders filter as far at most.
 */
export const reachOf = (span: number) => (span > 1 ? span : 0);

/**
 * For each component, by the number of a stored block, 1 where it can show or hold anything of a pixel that the cover
 * touches, be it but a fading edge: such a block may not be kept. The cover is of the upright picture.
 */
export function touchedBlocks({ components }: Coefficients, cover: Cover, walk: StoredWalk): readonly Uint8Array[] {
  const marks = new Map<string, Uint8Array>();
  return components.map((component) => {
    const key = `${component.h} ${component.v}`;
    const known = marks.get(key);
    if (known !== undefined) return known;
    const made = touchedOf(component, cover, walk);
    marks.set(key, made);
    return made;
  });
}

function touchedOf(component: Component, { bounds, values }: Cover, walk: StoredWalk): Uint8Array {
  const { across, down, pitch, spanX, spanY } = component;
  const touched = new Uint8Array(pitch * down);
  const [reachX, reachY] = [reachOf(spanX), reachOf(spanY)];
  const [sideX, sideY] = [8 * spanX, 8 * spanY];
  for (let y = bounds.top, n = 0; y < bounds.bottom; y++) {
    for (let x = bounds.left; x < bounds.right; x++, n++) {
      if (values[n] === 0) continue;
      const stored = walk.placeOf(x, y);
      const left = Math.max(0, Math.floor((stored.x - reachX) / sideX));
      const right = Math.min(across - 1, Math.floor((stored.x + reachX) / sideX));
      const top = Math.max(0, Math.floor((stored.y - reachY) / sideY));
      const bottom = Math.min(down - 1, Math.floor((stored.y + reachY) / sideY));
      for (let row = top; row <= bottom; row++) {
        for (let column = left; column <= right; column++) touched[row * pitch + column] = 1;
      }
    }
  }
  return touched;
}
