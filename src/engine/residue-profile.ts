import { iccOddities } from "./icc-oddities.ts";
import { searchPictures } from "./residue-pictures.ts";
import type { Part, Search } from "./residue-search.ts";

/** A colour profile: a sound one is no finding, what a profile needs not is. */
export function searchProfile(part: Part, search: Search): void {
  for (const { at, length, detail } of iccOddities(part.bytes))
    search.add("colour-profile", part, { at, length, detail });
  searchPictures(part, search);
}
