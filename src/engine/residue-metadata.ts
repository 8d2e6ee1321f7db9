import { searchPictures } from "./residue-pictures.ts";
import { type Part, partOf, type ResidueKind, type Search } from "./residue-search.ts";
import { type Directory, readTiff, valuesOf } from "./tiff-directories.ts";

/** An EXIF block from its TIFF header on: itself, its thumbnails, maker notes, position and what is nested in it. */
export function searchExif(part: Part, search: Search): void {
  search.add("exif", part);
  search.within(part, () => {
    const tiff = readTiff(part.bytes);
    if (tiff.damaged) search.add("damaged", part, { detail: "EXIF" });
    for (const directory of tiff.directories) {
      if (directory.kind === "gps") {
        search.add("gps", part, { at: directory.at, length: directory.length });
      }
      const first = (tag: number) => {
        const entry = directory.entries.find((one) => one.tag === tag);
        return entry === undefined ? undefined : valuesOf(part.bytes, tiff.little, entry, 1)[0];
      };
      addThumbnail(part, directory, first, search);
      for (const { tag, at, length } of directory.entries) {
        const value = partOf(part, at, length);
        if (tag === 37500) search.add("maker-note", value);
        else if (tag === 700) search.within(value, () => searchXmp(value, search));
        else if (tag === 34377) search.within(value, () => searchPhotoshop(value, search));
        else if (tag === 33723) search.add("iptc", value);
      }
    }
  });
  searchPictures(part, search);
}

/** JPEGInterchangeFormat, or strips of plain pixels: EXIF 2.3, 4.5.5. */
function addThumbnail(
  part: Part,
  { kind, index }: Directory,
  first: (tag: number) => number | undefined,
  search: Search,
): void {
  const at = first(513) ?? first(273);
  if (at === undefined || (kind === "main" && index === 0 && first(513) === undefined)) return;
  const length = Math.max(0, Math.min(first(514) ?? first(279) ?? 0, part.bytes.length - at));
  search.add("exif-thumbnail", part, { at: Math.min(at, part.bytes.length), length, picture: length > 0 });
}

/** Photoshop's image resources: Adobe's file format specification, "Image Resources Section". */
export function searchPhotoshop(part: Part, search: Search): void {
  search.add("photoshop", part);
  search.within(part, ({ bytes }) => {
    for (let at = 0; at + 12 <= bytes.length; ) {
      const id = bytes.readUInt16BE(at + 4);
      const name = bytes.readUInt8(at + 6) + 1;
      const sizeAt = at + 6 + name + (name % 2);
      const size = bytes.readUInt32BE(sizeAt);
      const resource = partOf(part, sizeAt + 4, size);
      if (bytes.toString("latin1", at, at + 4) !== "8BIM" || resource.bytes.length < size) {
        search.add("damaged", part, { at, detail: "Photoshop resources" });
        break;
      }
      searchResource(id, resource, search);
      at = sizeAt + 4 + size + (size % 2);
    }
  });
  searchPictures(part, search);
}

function searchResource(id: number, resource: Part, search: Search): void {
  // Its header takes 28 bytes.
  if (id === 1033 || id === 1036) search.add("photoshop-thumbnail", partOf(resource, 28), { picture: true });
  else if (id === 1028) search.add("iptc", resource);
  else if (id === 1058 || id === 1059) search.within(resource, (part) => searchExif(part, search));
  else if (id === 1060) search.within(resource, (part) => searchXmp(part, search));
}

/** Properties that hold pictures, or tell of one elsewhere in the file; a detail for the report. */
const properties: readonly (readonly [RegExp, ResidueKind, picture: boolean])[] = [
  [/\b(xmpGImg|xapGImg):image\b/, "xmp-picture", true],
  [/\bGImage:Data\b/, "xmp-picture", true],
  [/\bGDepth:Data\b/, "depth", true],
  [/\bGDepth:\w/, "depth", false],
  [/\b(hdrgm|HDRGainMap):\w/, "gain-map", false],
  [/\b(Container:Directory|GContainer:\w|Item:Mime)/, "second-picture", false],
  [/\bexif:GPS\w/, "gps", false],
];

/** An XMP packet, and what it carries or tells of. */
export function searchXmp(part: Part, search: Search): void {
  search.add("xmp", part);
  search.spend(part.bytes.length);
  const text = part.bytes.toString("latin1");
  for (const [pattern, kind, picture] of properties) {
    const match = pattern.exec(text);
    if (match !== null) search.add(kind, part, { at: match.index, length: match[0].length, picture, detail: match[0] });
  }
  searchPictures(part, search, "xmp-picture");
}
