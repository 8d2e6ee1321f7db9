import { createHash } from "node:crypto";
import type { TruePicture } from "./true-picture.ts";

export const halves = ["tune", "report"] as const;
export type Half = (typeof halves)[number];

export interface Choice {
  /** Only these sets; absent: all. */
  readonly sets?: readonly string[];
  readonly half?: Half;
  /** At most so many pictures, evenly from everywhere. */
  readonly limit?: number;
}

/**
 * The pictures to measure. Which half a picture belongs to, and which ones a limit leaves, comes from a hash of its file
 * name: it stays the same when others are added, whatever their order.
 */
export function choose<T extends TruePicture>(pictures: readonly T[], { sets, half, limit }: Choice): readonly T[] {
  const chosen = pictures
    .filter(({ set }) => sets === undefined || sets.includes(set))
    .map((picture) => ({ picture, hash: createHash("sha256").update(picture.file).digest() }))
    .filter(({ hash }) => half === undefined || halves[hash[0]! & 1] === half);
  if (limit === undefined || limit >= chosen.length) return chosen.map(({ picture }) => picture);
  // The bit that splits the halves takes no part in the order.
  const drawn = chosen.toSorted((a, b) => a.hash.compare(b.hash, 1, 32, 1, 32)).slice(0, limit);
  return drawn.map(({ picture }) => picture);
}
