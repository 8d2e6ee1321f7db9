import { type Box, boxesOf, type Item, type Items, itemsOf } from "./heif-items.ts";
import { type Stretch, searchGaps } from "./residue-gaps.ts";
import { searchExif, searchXmp } from "./residue-metadata.ts";
import { searchPictures } from "./residue-pictures.ts";
import { searchProfile } from "./residue-profile.ts";
import { type Part, partOf, type ResidueKind, type Search } from "./residue-search.ts";

const pictures = /^(av01|hvc1|hev1|lhv1|jpeg|avc1|vvc1|j2k1|unci|grid|iden|iovl|tmap|mski)$/;
const needed = new Set(
  "ispe pixi av1C hvcC lhvC jpgC colr irot imir auxC pasp clap clli mdcv cclv amve a1lx a1op lsel rloc".split(" "),
);
const parts = new Set("hdlr pitm iinf iloc iref iprp idat dinf".split(" "));
const alphas = /^urn:(mpeg:mpegB:cicp:systems:auxiliary:alpha|mpeg:hevc:2015:auxid:1)$/;
const depths = /^urn:(mpeg:mpegB:cicp:systems:auxiliary:depth|mpeg:hevc:2015:auxid:2)$|depth|disparity/;

const mostBoxes = 10_000;

/** AVIF and HEIC: every item that is not the primary picture, its tiles or its alpha; ISO/IEC 23008-12. */
export function searchHeif(file: Part, search: Search): { readonly alpha: boolean } {
  const used: Stretch[] = [];
  let alpha = false;
  search.within(file, ({ bytes }) => {
    for (const box of boxesUntilDamage(file, search)) {
      const body = partOf(file, box.from, box.to - box.from);
      if (box.type === "mdat") used.push([box.at, box.from]);
      else if (box.type === "free" || box.type === "skip") used.push([box.at, box.from]);
      else used.push([box.at, box.to]);
      if (box.type === "meta") {
        search.within(body, () => {
          const children = boxesOf(bytes, box.from + 4, box.to);
          const items = itemsOf(bytes, children);
          alpha = searchItems(file, items, used, search) || alpha;
          searchMeta(file, children, items, used, search);
        });
      } else if (box.type === "moov" || box.type === "moof") {
        search.add("frames", body, { picture: true, detail: box.type });
        searchPictures(body, search);
      } else if (!["ftyp", "mdat", "free", "skip"].includes(box.type)) {
        search.add("unknown-data", body, { detail: box.type });
        searchPictures(body, search);
      }
    }
  });
  searchGaps(file, used, search);
  return { alpha };
}

/** The top-level boxes; what is none is left to the search for bytes that nothing refers to. */
function boxesUntilDamage(file: Part, search: Search): readonly Box[] {
  const boxes: Box[] = [];
  search.within(file, ({ bytes }) => {
    for (let at = 0; at < bytes.length; at = boxes.at(-1)!.to) {
      if (boxes.length >= mostBoxes) throw new RangeError("too many boxes");
      const short = bytes.readUInt32BE(at);
      const length = short === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : short === 0 ? bytes.length - at : short;
      boxes.push(...boxesOf(bytes, at, Math.min(bytes.length, at + Math.max(8, length))));
    }
  });
  return boxes;
}

/** Notes each item that is not shown; answers whether the primary picture has an alpha. */
function searchItems(file: Part, { primary, items, references }: Items, used: Stretch[], search: Search): boolean {
  const shown = new Set<number>();
  const derived = Map.groupBy(
    references.filter(({ type }) => type === "dimg"),
    ({ from }) => from,
  );
  const show = (id: number) => {
    const waiting = [id];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (shown.has(next)) continue;
      shown.add(next);
      for (const { to } of derived.get(next) ?? []) for (const id of to) waiting.push(id);
    }
  };
  show(primary);
  // One alpha a shown picture: tiles may each have their own.
  const withAlpha = new Set<number>();
  for (const { type, from, to } of references) {
    const master = to[0] ?? -1;
    if (type !== "auxl" || !alphas.test(items.get(from)?.auxiliary ?? "") || withAlpha.has(master)) continue;
    if (!shown.has(master)) continue;
    withAlpha.add(master);
    show(from);
  }
  const thumbnails = new Set(references.filter(({ type }) => type === "thmb").map(({ from }) => from));
  for (const item of items.values()) {
    for (const extent of item.extents) used.push(extent);
    if (!shown.has(item.id)) searchItem(file, item, thumbnails.has(item.id), search);
  }
  return withAlpha.size > 0;
}

function searchItem(file: Part, item: Item, thumbnail: boolean, search: Search): void {
  const part = itemPart(file, item, search);
  search.within(part, () => {
    const { type, auxiliary } = item;
    if (pictures.test(type)) {
      const kind: ResidueKind = thumbnail
        ? "thumbnail"
        : type === "tmap" || /gainmap/i.test(auxiliary ?? "")
          ? "gain-map"
          : auxiliary === undefined
            ? "hidden-picture"
            : depths.test(auxiliary)
              ? "depth"
              : "auxiliary-picture";
      search.add(kind, part, { picture: true, detail: auxiliary ?? type });
    } else if (type === "Exif") {
      // How many bytes stand before the TIFF header.
      searchExif(partOf(part, 4 + part.bytes.readUInt32BE(0)), search);
    } else if (type === "mime" && item.contentType.includes("rdf+xml")) searchXmp(part, search);
    else {
      search.add("unknown-data", part, { detail: type });
      searchPictures(part, search);
    }
  });
}

function itemPart(file: Part, { extents }: Item, search: Search): Part {
  const [first] = extents;
  if (first === undefined) return partOf(file, 0, 0);
  if (extents.length === 1) return partOf(file, first[0], first[1] - first[0]);
  const pieces = extents.map(([from, to]) => file.bytes.subarray(from, to));
  const span = pieces.reduce((sum, { length }) => sum + length, 0);
  search.spend(span);
  return { bytes: Buffer.concat(pieces), offset: first[0], span };
}

/** What a `meta` box holds beside its items. */
function searchMeta(file: Part, children: readonly Box[], items: Items, used: Stretch[], search: Search): void {
  const idat = children.find(({ type }) => type === "idat");
  if (idat !== undefined) {
    const inside = items.items.values().flatMap(({ extents }) => extents);
    const own = [...inside].map(([from, to]): Stretch => [from - idat.from, to - idat.from]);
    searchGaps(partOf(file, idat.from, idat.to - idat.from), own, search);
  }
  for (const { type, from, to } of children) {
    const body = partOf(file, from, to - from);
    if (!parts.has(type) || (type === "hdlr" && to - from > 64)) {
      search.add("unknown-data", body, { detail: type });
      searchPictures(body, search);
    }
  }
  for (const { type, from, to } of items.properties) {
    const body = partOf(file, from, to - from);
    const colour = body.bytes.toString("latin1", 0, 4);
    if (type === "colr" && (colour === "prof" || colour === "rICC")) searchProfile(partOf(body, 4), search);
    else if (!needed.has(type)) {
      search.add("unknown-data", body, { detail: type });
      searchPictures(body, search);
    }
  }
  for (const { at, to } of children) used.push([at, to]);
}
