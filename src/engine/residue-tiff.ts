import { type Stretch, searchGaps } from "./residue-gaps.ts";
import { searchPhotoshop, searchXmp } from "./residue-metadata.ts";
import { searchPictures } from "./residue-pictures.ts";
import { searchProfile } from "./residue-profile.ts";
import { type Part, partOf, type ResidueKind, type Search } from "./residue-search.ts";
import { type Directory, type Entry, readTiff, type Tiff, valuesOf } from "./tiff-directories.ts";

/** Tags that decoding needs, or that say how pixels are to be shown: TIFF 6.0 and its technical notes. */
const needed = new Set([
  ...[
    254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283, 284, 286, 287,
  ],
  ...[
    290, 291, 292, 293, 296, 297, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 332, 334, 336, 338, 339, 340, 341,
  ],
  ...[347, 512, 513, 514, 515, 519, 520, 521, 529, 530, 531, 532],
]);
/** Names, words and dates. */
const words = new Set([269, 270, 271, 272, 285, 305, 306, 315, 316, 33432]);
const dataTags: readonly (readonly [at: number, size: number])[] = [
  [273, 279],
  [324, 325],
  [513, 514],
];

const mostStretches = 2 ** 21;

/** Directory by directory, and the bytes that none refers to. Pages are frames; all else that holds pixels is a finding. */
export function searchTiff(file: Part, search: Search): { readonly frames: number; readonly alpha: boolean } {
  let frames = 0;
  let alpha = false;
  search.within(file, ({ bytes }) => {
    const tiff = readTiff(bytes);
    if (tiff.damaged) search.add("damaged", file, { length: tiff.header, detail: "TIFF directories" });
    const used: Stretch[] = [[0, tiff.header]];
    for (const directory of tiff.directories) {
      const { kind, at, length, entries } = directory;
      used.push([at, at + length]);
      for (const entry of entries) used.push([entry.at, entry.at + entry.length]);
      const data = pixelsOf(bytes, tiff, directory, search);
      for (const stretch of data) used.push(stretch);
      if (used.length > mostStretches) throw new RangeError("too many strips");
      const pixels = { at, length, picture: data.length > 0 };
      const first = (tag: number) => {
        const entry = entries.find((one) => one.tag === tag);
        return entry === undefined ? undefined : valuesOf(bytes, tiff.little, entry, 1)[0];
      };
      if (kind === "exif" || kind === "gps") search.add(kind, file, { at, length });
      else if (kind === "sub") search.add("sub-directory", file, pixels);
      else if (((first(254) ?? 0) & 1) === 1 || first(255) === 2) search.add("thumbnail", file, pixels);
      else frames++;
      if (first(338) !== undefined) alpha = true;
      for (const entry of entries) searchEntry(file, directory, entry, search);
    }
    searchGaps(file, used, search);
  });
  return { frames: Math.max(1, frames), alpha };
}

/** Where the strips and tiles of a directory lie. */
function pixelsOf(bytes: Buffer, { little }: Tiff, { entries }: Directory, search: Search): Stretch[] {
  const many = (tag: number) => {
    const entry = entries.find((one) => one.tag === tag);
    if (entry === undefined) return [];
    search.spend(entry.length);
    return valuesOf(bytes, little, entry, mostStretches);
  };
  return dataTags.flatMap(([at, size]) => {
    const sizes = many(size);
    return many(at).map((from, i): Stretch => [from, from + (sizes[i] ?? 0)]);
  });
}

function searchEntry(file: Part, { kind }: Directory, { tag, at, length }: Entry, search: Search): void {
  const value = partOf(file, at, length);
  const note = (found: ResidueKind, detail?: string) => {
    search.add(found, value, { ...(detail !== undefined && { detail }) });
    searchPictures(value, search);
  };
  if (kind === "exif" && tag === 37500) note("maker-note");
  else if (kind === "exif" || kind === "gps" || kind === "interoperability") return;
  else if (tag === 330 || tag === 34665 || tag === 34853) return;
  else if (tag === 34675) search.within(value, () => searchProfile(value, search));
  else if (tag === 700) search.within(value, () => searchXmp(value, search));
  else if (tag === 34377) search.within(value, () => searchPhotoshop(value, search));
  else if (tag === 33723) note("iptc");
  else if (words.has(tag)) note("text", `tag ${tag}`);
  else if (tag === 37724) search.add("layers", value, { picture: true });
  else if (!needed.has(tag)) note("unknown-data", `tag ${tag}`);
}
