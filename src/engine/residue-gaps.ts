import { searchPictures } from "./residue-pictures.ts";
import { type Part, partOf, type Search } from "./residue-search.ts";

/** From and to, in the part. */
export type Stretch = readonly [from: number, to: number];

/** What none of the stretches covers: padding of zeros is no finding. */
export function searchGaps(part: Part, used: readonly Stretch[], search: Search): void {
  const { length } = part.bytes;
  const sorted = [...used].sort((a, b) => a[0] - b[0]);
  let reached = 0;
  for (const [from, to] of [...sorted, [length, length] as const]) {
    if (from > reached) {
      const gap = partOf(part, reached, Math.min(from, length) - reached);
      search.spend(gap.bytes.length);
      if (!isZero(gap.bytes)) {
        search.add(from === length ? "trailing-bytes" : "stray-bytes", gap);
        searchPictures(gap, search);
      }
    }
    reached = Math.max(reached, Math.min(to, length));
  }
}

function isZero(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte !== 0) return false;
  return true;
}
