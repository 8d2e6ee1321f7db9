import { searchProfile } from "./residue-profile.ts";
import { startSearch } from "./residue-search.ts";

const mostBytes = 2 ** 20;
/** Bytes of the header and of the tag count behind it: ICC.1:2022, 7.2 and 7.3. */
const leastBytes = 132;

/**
 * The profile as it may travel with masked pixels: of a screen, camera or scanner, in RGB, of at most 1 MiB, cut to its
 * own length, without private tags or spare bytes. undefined for anything else, which could carry what is not seen.
 */
export function keptProfile(icc: Buffer | undefined): Buffer | undefined {
  if (icc === undefined || icc.length < leastBytes || icc.length > mostBytes) return undefined;
  const text = (at: number) => icc.toString("latin1", at, at + 4);
  const length = icc.readUInt32BE(0);
  const fits = length >= leastBytes && length <= icc.length;
  const known = ["mntr", "scnr", "spac"].includes(text(12)) && text(16) === "RGB " && text(36) === "acsp";
  if (!fits || !known) return undefined;
  const profile = icc.subarray(0, length);
  // What the check of the result would stumble over must not travel in the first place.
  const search = startSearch(profile.length);
  searchProfile({ bytes: profile, offset: 0 }, search);
  return search.findings.length === 0 ? profile : undefined;
}
