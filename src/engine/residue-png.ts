import { inflateSync } from "node:zlib";
import { searchExif, searchXmp } from "./residue-metadata.ts";
import { searchPictures } from "./residue-pictures.ts";
import { searchProfile } from "./residue-profile.ts";
import { type Part, partOf, type Search } from "./residue-search.ts";

/** Chunks that say how pixels are to be shown, with their most bytes: PNG third edition, section 11. */
const needed: Readonly<Record<string, number>> = {
  ...{ IHDR: 13, PLTE: 768, IDAT: 2 ** 31, tRNS: 256, cHRM: 32, gAMA: 4, sRGB: 1, sBIT: 4, bKGD: 6, pHYs: 9 },
  ...{ cICP: 4, mDCV: 24, mDCv: 24, cLLI: 8, cLLi: 8, hIST: 512 },
};
const mostUnpacked = 2 ** 22;

/** Chunk by chunk to IEND, and what lies behind it. Damaged sums do not matter: what is there is there. */
export function searchPng(file: Part, search: Search): { readonly alpha: boolean } {
  const { bytes } = file;
  let alpha = false;
  let at = 8;
  let ended = false;
  search.within(file, () => {
    for (let type = ""; type !== "IEND"; ) {
      const length = bytes.readUInt32BE(at);
      type = bytes.toString("latin1", at + 4, at + 8);
      const body = partOf(file, at + 8, length);
      if (body.bytes.length < length) throw new RangeError("a chunk is cut");
      at += 12 + length;
      if (type === "IHDR" && (body.bytes.readUInt8(9) & 4) !== 0) alpha = true;
      if (type === "tRNS") alpha = true;
      search.within(body, () => searchChunk(type, body, search));
      ended = type === "IEND";
    }
  });
  if (at < bytes.length) {
    const rest = partOf(file, at);
    if (ended) search.add("trailing-bytes", rest);
    searchPictures(rest, search);
  }
  return { alpha };
}

function searchChunk(type: string, body: Part, search: Search): void {
  const most = type === "IEND" ? 0 : needed[type];
  if (most !== undefined && body.bytes.length <= most) return;
  if (type === "eXIf") searchExif(body, search);
  else if (type === "iCCP") searchProfile(unpacked(body, body.bytes.indexOf(0) + 2, search), search);
  else if (type === "tEXt" || type === "zTXt" || type === "iTXt") searchText(type, body, search);
  else {
    const frame = type === "fdAT";
    search.add(frame || type === "fcTL" ? "frames" : "unknown-data", body, { picture: frame, detail: type });
    searchPictures(body, search);
  }
}

/** Keyword and words; ImageMagick and exiftool write whole blocks of metadata there, in hexadecimal digits. */
function searchText(type: string, body: Part, search: Search): void {
  const keyEnd = body.bytes.indexOf(0);
  const key = body.bytes.toString("latin1", 0, Math.min(79, Math.max(0, keyEnd)));
  const words = wordsOf(type, body, keyEnd + 1, search);
  const raw = /^Raw profile type (\w+)/.exec(key)?.[1]?.toLowerCase();
  if (key === "XML:com.adobe.xmp") {
    searchXmp(words, search);
    return;
  }
  search.add("text", body, { detail: key });
  searchPictures(words, search);
  if (raw === undefined) return;
  search.spend(words.bytes.length);
  const digits = words.bytes.toString("latin1").replace(/^\s*\w+\s+\d+\s/, "");
  const block: Part = {
    bytes: Buffer.from(digits.replace(/\s/g, ""), "hex"),
    offset: body.offset,
    span: body.bytes.length,
  };
  if (raw === "xmp") searchXmp(block, search);
  else if (raw === "icc" || raw === "icm") searchProfile(block, search);
  else if (raw === "iptc" || raw === "8bim") search.add("iptc", block);
  else if (/^(II|MM)/.test(block.bytes.toString("latin1", exifStart(block), exifStart(block) + 2))) {
    searchExif(partOf(block, exifStart(block)), search);
  } else searchPictures(block, search);
}

function exifStart({ bytes }: Part): number {
  return bytes.subarray(0, 5).equals(Buffer.from("Exif\0")) ? 6 : 0;
}

function wordsOf(type: string, body: Part, at: number, search: Search): Part {
  if (type === "tEXt") return partOf(body, at);
  if (type === "zTXt") return unpacked(body, at + 1, search);
  // Compression flag and method, language, translated keyword.
  const language = body.bytes.indexOf(0, at + 2);
  const start = body.bytes.indexOf(0, language + 1) + 1;
  if (language < 0 || start === 0) throw new RangeError("words without a beginning");
  return body.bytes[at] === 1 ? unpacked(body, start, search) : partOf(body, start);
}

function unpacked(body: Part, at: number, search: Search): Part {
  let bytes: Buffer;
  // Deflate packs at most 1032 bytes into one.
  search.spend(Math.min(mostUnpacked, 1032 * Math.max(0, body.bytes.length - at)));
  try {
    bytes = inflateSync(body.bytes.subarray(at), { maxOutputLength: mostUnpacked });
  } catch (error) {
    throw new RangeError("not to be unpacked", { cause: error });
  }
  return { bytes, offset: body.offset, span: body.bytes.length };
}
