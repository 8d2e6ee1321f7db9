import type { Part, ResidueKind, Search } from "./residue-search.ts";

/** How pictures begin, and how many bytes stand before what is looked for. */
const signatures = (
  [
    ["\x89PNG\r\n\x1a\n", 0, "PNG"],
    ["GIF87a", 0, "GIF"],
    ["GIF89a", 0, "GIF"],
    ["WEBPVP8", 8, "WebP"],
    ["ftypavi", 4, "AVIF"],
    ["ftyphei", 4, "HEIC"],
    ["ftypmif1", 4, "HEIC"],
    ["\0\0\0\x0cjP  \r\n", 0, "JPEG 2000"],
    ["\xff\x4f\xff\x51", 0, "JPEG 2000"],
    ["\0\0\0\x0cJXL ", 0, "JPEG XL"],
    ["8BPS\0\x01", 0, "Photoshop"],
  ] as const
).map(([text, before, detail]) => ({ signature: Buffer.from(text, "latin1"), before, detail }));
const startOfJpeg = Buffer.from([0xd8, 0xff]);
const endOfJpeg = Buffer.from([0xff, 0xd9]);
/** Less is no picture. */
const leastBytes = 16;
/** The same in base64. */
const encoded = ["/9j/", "iVBORw0KGgo", "R0lGODlh", "R0lGODdh", "UklGR"].map((text) => Buffer.from(text));
const leastEncoded = 60;
/** Markers that may follow the start of a JPEG: tables, frames, application data, comments. */
const isFirst = (marker: number) =>
  (marker >= 0xc0 && marker <= 0xcf) || marker === 0xdb || (marker >= 0xdd && marker <= 0xef) || marker === 0xfe;

/** Finds pictures by how they begin, in time linear in the part's length: JPEG, PNG, GIF, WebP, AVIF, HEIC, and their base64. */
export function searchPictures(part: Part, search: Search, kind: ResidueKind = "embedded-picture"): void {
  const { bytes } = part;
  if (bytes.length < leastBytes) return;
  search.spend(bytes.length);
  searchJpegs(part, search, kind);
  for (const { signature, before, detail } of signatures) {
    for (const found of occurrences(bytes, signature)) {
      search.add(kind, part, { at: Math.max(0, found - before), picture: true, detail });
    }
  }
  for (const signature of encoded) {
    for (const at of occurrences(bytes, signature)) {
      if (search.isFull()) break;
      if (isEncoded(bytes.subarray(at, at + leastEncoded)))
        search.add(kind, part, { at, picture: true, detail: "base64" });
    }
  }
}

/** Letters and digits of base64, and what XML puts between its lines. */
function isEncoded(bytes: Buffer): boolean {
  return bytes.length === leastEncoded && bytes.every((byte) => /[\w+/=\s&#;]/.test(String.fromCharCode(byte)));
}

/** Some cameras spoil the first byte of a preview in their notes, so it may be any. */
function searchJpegs(part: Part, search: Search, kind: ResidueKind): void {
  const { bytes } = part;
  let end = -1;
  let hasEnd = true;
  for (const at of occurrences(bytes, startOfJpeg)) {
    if (search.isFull()) break;
    if (at + 5 > bytes.length || !isFirst(bytes[at + 2]!)) continue;
    const next = at + 3 + bytes.readUInt16BE(at + 3);
    if (next < bytes.length && bytes[next] !== 0xff) continue;
    const start = bytes[at - 1] === 0xff ? at - 1 : at;
    if (hasEnd && end < at) {
      end = bytes.indexOf(endOfJpeg, at);
      hasEnd = end >= 0;
    }
    const length = (hasEnd ? end + 2 : bytes.length) - start;
    search.add(kind, part, { at: start, length, picture: true, detail: "JPEG" });
  }
}

function* occurrences(bytes: Buffer, wanted: Buffer): Generator<number> {
  for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1)) yield at;
}
