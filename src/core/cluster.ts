import type { Mask } from "./cover.ts";
import type { Bounds } from "./ellipse.ts";
import { boundsOf } from "./ellipse.ts";

/** Masks nearer than this share of their face's width touch: each would be filled from the other's edge. */
const touching = 0.1;

/** Masks that touch, to be filled as one, and the pixels they can reach. */
export interface Cluster {
  readonly masks: readonly Mask[];
  readonly bounds: Bounds;
}

/**
 * The masks that reach into a width x height picture, parted so that no pixel is within reach of two clusters' masks
 * (their bounds may still overlap). Masks keep their order.
 */
export function clustersOf(masks: readonly Mask[], width: number, height: number): readonly Cluster[] {
  const members = masks
    .map((mask) => ({
      mask,
      bounds: boundsOf(mask.ellipse, width, height, mask.outer, Math.max(2, touching * mask.width)),
    }))
    .filter(({ bounds }) => bounds.left < bounds.right && bounds.top < bounds.bottom);
  const byLeft = members.map((_, index) => index).sort((a, b) => members[a]!.bounds.left - members[b]!.bounds.left);
  const parent = members.map((_, index) => index);
  const root = (index: number): number => {
    while (parent[index] !== index) index = parent[index] = parent[parent[index]!]!;
    return index;
  };
  for (const [rank, a] of byLeft.entries()) {
    for (let next = rank + 1; next < byLeft.length; next++) {
      const b = byLeft[next]!;
      if (members[b]!.bounds.left >= members[a]!.bounds.right) break;
      if (overlap(members[a]!.bounds, members[b]!.bounds)) parent[root(b)] = root(a);
    }
  }
  const clusters = new Map<number, { masks: Mask[]; bounds: Bounds }>();
  for (const [index, { mask, bounds }] of members.entries()) {
    const found = clusters.get(root(index));
    if (!found) clusters.set(root(index), { masks: [mask], bounds });
    else {
      found.masks.push(mask);
      found.bounds = union(found.bounds, bounds);
    }
  }
  return [...clusters.values()];
}

/** The least bounds that hold both. */
export function union(a: Bounds, b: Bounds): Bounds {
  return {
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  };
}

function overlap(a: Bounds, b: Bounds): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
