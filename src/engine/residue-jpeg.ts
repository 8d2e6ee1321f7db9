import { spokenFor } from "./jpeg-tables.ts";
import { searchExif, searchPhotoshop, searchXmp } from "./residue-metadata.ts";
import { searchPictures } from "./residue-pictures.ts";
import { searchProfile } from "./residue-profile.ts";
import { type Part, partOf, type Search } from "./residue-search.ts";
import { readTiff } from "./tiff-directories.ts";

const [soi, eoi, sos, com, app0] = [0xd8, 0xd9, 0xda, 0xfe, 0xe0];
/** Tables, frame headers and the like: what decoding needs. */
const isNeeded = (marker: number) =>
  (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc8) || (marker >= 0xdb && marker <= 0xdd);

/** Stretches that belong to no segment, after which a file counts as damaged from there on. */
const mostStrays = 16;

/** Segments that one thing is split into, in the order of their numbers. */
type Split = Map<string, { number: number; part: Part }[]>;

/** Segment by segment to the end marker, and what lies behind it: ITU T.81, annex B. */
export function searchJpeg(file: Part, search: Search): void {
  const { bytes } = file;
  const split: Split = new Map();
  let frames = 0;
  let at = 2;
  let strays = 0;
  let ended = false;
  const stray = (from: number) => {
    search.add("stray-bytes", file, { at: from, length: at - from });
    if (++strays > mostStrays) throw new RangeError("no segments any more");
  };
  search.within(file, () => {
    for (;;) {
      const next = bytes.indexOf(0xff, at);
      if (next < 0) throw new RangeError("no end");
      const from = at;
      at = next;
      if (next > from) stray(from);
      at = next + 1;
      while (bytes.readUInt8(at) === 0xff) at++;
      const marker = bytes.readUInt8(at++);
      ended = marker === eoi;
      if (ended) break;
      // Restart markers, TEM, and starts stand alone; none belongs between segments.
      if (marker === soi || marker <= 1 || (marker >= 0xd0 && marker <= 0xd7)) {
        stray(at - 2);
        continue;
      }
      const length = bytes.readUInt16BE(at);
      const body = partOf(file, at + 2, length - 2);
      if (length < 2 || body.bytes.length < length - 2) throw new RangeError("a segment is cut");
      at += length;
      const spoken = spokenFor(marker, body.bytes) ?? body.bytes.length;
      if (spoken < body.bytes.length) {
        const rest = partOf(body, spoken);
        search.add("stray-bytes", rest);
        searchPictures(rest, search);
      }
      if (marker === sos) at = endOfScan(bytes, at);
      else if (marker >= app0 && marker <= 0xef) searchApplication(marker - app0, body, split, search);
      else if (marker === com) search.add("comment", body);
      else if (!isNeeded(marker)) search.add("unknown-data", body, { detail: `marker ${marker.toString(16)}` });
      if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker) && ++frames > 1) {
        search.add("frames", body, { picture: true });
      }
      if (marker === com) searchPictures(body, search);
    }
  });
  for (const [name, parts] of split) searchJoined(name, parts, search);
  if (at < bytes.length) {
    const rest = partOf(file, at);
    if (ended) search.add("trailing-bytes", rest);
    searchPictures(rest, search);
  }
}

/** Where a scan's coded data end: at a marker that is neither a stuffed byte nor a restart. */
function endOfScan(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1];
    if (next !== 0 && next !== 0xff && !(next !== undefined && next >= 0xd0 && next <= 0xd7)) return at;
  }
  throw new RangeError("a scan without an end");
}

function searchApplication(number: number, body: Part, split: Split, search: Search): void {
  const starts = (signature: string) =>
    body.bytes.subarray(0, signature.length).equals(Buffer.from(signature, "latin1"));
  const after = (signature: string) => partOf(body, signature.length);
  const keep = (name: string, order: number, part: Part) => {
    const parts = split.get(name);
    if (parts === undefined) split.set(name, [{ number: order, part }]);
    else parts.push({ number: order, part });
  };
  if (number === 0 && starts("JFIF\0")) {
    // Version, density, and the thumbnail's size: JFIF 1.02.
    if (body.bytes.length > 14) search.add("jfif-thumbnail", partOf(body, 14), { picture: true });
  } else if (number === 0 && starts("JFXX\0")) search.add("jfif-thumbnail", body, { picture: true });
  else if (number === 1 && starts("Exif\0")) searchExif(partOf(body, 6), search);
  else if (number === 1 && starts("http://ns.adobe.com/xap/1.0/\0")) {
    searchXmp(after("http://ns.adobe.com/xap/1.0/\0"), search);
  } else if (number === 1 && starts("http://ns.adobe.com/xmp/extension/\0") && body.bytes.length >= 75) {
    // A digest of 32 letters, the full length, and this part's offset in it.
    keep(`xmp ${body.bytes.toString("latin1", 35, 67)}`, body.bytes.readUInt32BE(71), partOf(body, 75));
  } else if (number === 2 && starts("ICC_PROFILE\0") && body.bytes.length >= 14) {
    keep("icc", body.bytes[12]!, partOf(body, 14));
  } else if (number === 2 && starts("MPF\0")) searchMultiPicture(after("MPF\0"), search);
  else if (number === 2 && starts("urn:iso:std:iso:ts:21496")) search.add("gain-map", body, { detail: "ISO 21496-1" });
  else if (number === 13 && starts("Photoshop 3.0\0")) searchPhotoshop(after("Photoshop 3.0\0"), search);
  else if (!(number === 14 && starts("Adobe") && body.bytes.length === 12)) {
    search.add("unknown-data", body, { detail: `APP${number}` });
    searchPictures(body, search);
  }
}

function searchJoined(name: string, parts: readonly { number: number; part: Part }[], search: Search): void {
  const sorted = [...parts].sort((a, b) => a.number - b.number);
  const [first, last] = [parts[0]!.part, parts.at(-1)!.part];
  const whole: Part =
    parts.length === 1
      ? first
      : {
          bytes: Buffer.concat(sorted.map(({ part }) => part.bytes)),
          offset: first.offset,
          span: last.offset + last.bytes.length - first.offset,
        };
  search.spend(whole.bytes.length);
  search.within(whole, () => (name === "icc" ? searchProfile(whole, search) : searchXmp(whole, search)));
}

/** CIPA DC-007: pictures behind the first one, with their places from this header on. */
function searchMultiPicture(part: Part, search: Search): void {
  search.add("second-picture", part, { detail: "MPF" });
  search.within(part, ({ bytes }) => {
    const { little, directories } = readTiff(bytes);
    const long = (at: number) => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
    const list = directories.flatMap(({ entries }) => entries).find(({ tag }) => tag === 0xb002);
    if (list === undefined) return;
    for (let entry = list.at; entry + 16 <= list.at + list.length; entry += 16) {
      const [size, offset] = [long(entry + 4), long(entry + 8)];
      // The first picture is the file's own.
      if (offset !== 0) search.add("second-picture", part, { at: offset, length: size, picture: true });
    }
  });
}
