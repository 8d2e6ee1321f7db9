import { startsSvg } from "./svg.ts";

/** Formats that veil masks; `heic` only where its decoder is installed. */
export const imageFormats = ["jpeg", "png", "webp", "avif", "tiff", "gif", "heic"] as const;
export type ImageFormat = (typeof imageFormats)[number];

export type Recognised =
  | { readonly kind: "image"; readonly format: ImageFormat }
  /** A picture that veil can't mask: refused by name, never passed on. */
  | { readonly kind: "unsupported"; readonly name: string }
  /** Not a picture: left alone, by name. */
  | { readonly kind: "other"; readonly name: string };

/** How many bytes of an object's beginning `recognise` and `looksComplete` want. */
export const headBytes = 4096;
/** How many bytes of an object's end `looksComplete` wants. */
export const tailBytes = 64;

interface Signature {
  readonly at: number;
  readonly bytes: string;
  readonly is: Recognised;
}

const image = (format: ImageFormat): Recognised => ({ kind: "image", format });
const unsupported = (name: string): Recognised => ({ kind: "unsupported", name });
const other = (name: string): Recognised => ({ kind: "other", name });

// Written as latin-1 strings; the first match counts.
const signatures: readonly Signature[] = [
  { at: 0, bytes: "\xff\xd8\xff", is: image("jpeg") },
  { at: 0, bytes: "\x89PNG\r\n\x1a\n", is: image("png") },
  { at: 0, bytes: "GIF87a", is: image("gif") },
  { at: 0, bytes: "GIF89a", is: image("gif") },
  { at: 8, bytes: "WEBP", is: image("webp") },
  { at: 8, bytes: "CR\x02", is: unsupported("camera raw (CR2)") },
  { at: 0, bytes: "II*\0", is: image("tiff") },
  { at: 0, bytes: "MM\0*", is: image("tiff") },
  { at: 0, bytes: "II+\0", is: image("tiff") },
  { at: 0, bytes: "MM\0+", is: image("tiff") },
  { at: 128, bytes: "DICM", is: unsupported("DICOM") },
  { at: 0, bytes: "\0\0\0\x0cjP  \r\n", is: unsupported("JPEG 2000") },
  { at: 0, bytes: "\xff\x4f\xff\x51", is: unsupported("JPEG 2000") },
  { at: 0, bytes: "\0\0\0\x0cJXL ", is: unsupported("JPEG XL") },
  { at: 0, bytes: "\xff\x0a", is: unsupported("JPEG XL") },
  { at: 0, bytes: "8BPS", is: unsupported("Photoshop") },
  { at: 0, bytes: "\x76\x2f\x31\x01", is: unsupported("OpenEXR") },
  { at: 0, bytes: "\0\0\x01\0", is: unsupported("ICO") },
  { at: 0, bytes: "FUJIFILMCCD-RAW", is: unsupported("camera raw (RAF)") },
  { at: 0, bytes: "IIRO\x08\0", is: unsupported("camera raw (ORF)") },
  { at: 0, bytes: "IIRS\x08\0", is: unsupported("camera raw (ORF)") },
  { at: 0, bytes: "IIU\0", is: unsupported("camera raw (RW2)") },
  { at: 0, bytes: "#?RADIANCE", is: unsupported("Radiance HDR") },
  { at: 8, bytes: "AVI ", is: other("video (AVI)") },
  { at: 8, bytes: "WAVE", is: other("audio (WAV)") },
  { at: 0, bytes: "\x1a\x45\xdf\xa3", is: other("video (Matroska or WebM)") },
  { at: 0, bytes: "\x30\x26\xb2\x75", is: other("video (Windows Media)") },
  { at: 0, bytes: "FLV\x01", is: other("video (Flash)") },
  { at: 0, bytes: "\0\0\x01\xba", is: other("video (MPEG)") },
  { at: 0, bytes: "\0\0\x01\xb3", is: other("video (MPEG)") },
  { at: 0, bytes: "%PDF-", is: other("PDF") },
  { at: 0, bytes: "PK\x03\x04", is: other("ZIP or Office document") },
  { at: 0, bytes: "\xd0\xcf\x11\xe0", is: other("Office document") },
  { at: 0, bytes: "\x1f\x8b", is: other("gzip") },
  { at: 0, bytes: "7z\xbc\xaf", is: other("7-Zip") },
  { at: 0, bytes: "Rar!", is: other("RAR") },
  { at: 0, bytes: "ID3", is: other("audio (MP3)") },
  { at: 0, bytes: "\x7fELF", is: other("program") },
  { at: 0, bytes: "MZ", is: other("program") },
];

/** What an object is, by its first bytes and never by its name. */
export function recognise(head: Uint8Array): Recognised {
  if (head.length === 0) return other("empty file");
  const text = latin1(head);
  if (text.startsWith("ftyp", 4)) return recogniseIsoMedia(text);
  const match = signatures.find(({ at, bytes }) => text.startsWith(bytes, at));
  if (match !== undefined) return match.is;
  if (head[0] === 0x47 && head[188] === 0x47) return other("video (MPEG-TS)");
  if (isBmp(head)) return unsupported("BMP");
  if (startsSvg(new TextDecoder("utf-8").decode(head))) return unsupported("SVG");
  return other(isText(head) ? "text" : "unknown");
}

/** For a person: what a recognised object is called. */
export function nameOf(recognised: Recognised): string {
  return recognised.kind === "image" ? recognised.format : recognised.name;
}

/**
 * Whether the format's own end is there. `head` holds the first `headBytes`, `tail` the last `tailBytes`, `size` is the
 * whole length. "unknown" for formats without a recognisable end; a file server that preallocates shows a tail of
 * zeros, which no finished picture has.
 */
export function looksComplete(head: Uint8Array, tail: Uint8Array, size: number): boolean | "unknown" {
  if (size === 0) return false;
  const recognised = recognise(head);
  if (recognised.kind !== "image") return "unknown";
  if (tail.every((byte) => byte === 0)) return false;
  const end = latin1(tail);
  switch (recognised.format) {
    case "jpeg":
      return end.includes("\xff\xd9");
    case "png":
      return end.includes("IEND\xae\x42\x60\x82");
    case "gif":
      return end.includes(";");
    case "webp":
      return size >= 8 + new DataView(head.buffer, head.byteOffset).getUint32(4, true);
    case "avif":
    case "heic":
      return boxesEnd(head, size);
    case "tiff":
      return "unknown";
    default:
      return recognised.format satisfies never;
  }
}

function recogniseIsoMedia(text: string): Recognised {
  const length = text.charCodeAt(2) * 256 + text.charCodeAt(3);
  const major = text.slice(8, 12);
  const brands = [major, ...(text.slice(16, Math.max(16, length)).match(/[\s\S]{4}/g) ?? [])];
  if (brands.includes("avif") || brands.includes("avis")) return image("avif");
  if (brands.some((brand) => /^(heic|heix|heim|heis|hevc|hevx|mif1|msf1)$/.test(brand))) return image("heic");
  if (major === "crx ") return unsupported("camera raw (CR3)");
  if (/^(M4A|M4B)/.test(major)) return other("audio (MP4)");
  return other(major === "qt  " ? "video (QuickTime)" : "video (MP4)");
}

/** Walks the top-level ISO boxes as far as `head` shows them. */
function boxesEnd(head: Uint8Array, size: number): boolean | "unknown" {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  let at = 0;
  while (at + 16 <= head.length) {
    const short = view.getUint32(at);
    if (short === 0) return "unknown";
    const length = short === 1 ? Number(view.getBigUint64(at + 8)) : short;
    if (length < 8) return "unknown";
    at += length;
  }
  return at === size ? true : at > size ? false : "unknown";
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** Sizes of the bitmap header by its versions (wingdi.h); "BM" alone begins many a text. */
const bitmapHeaders = [12, 16, 40, 52, 56, 64, 108, 124];

function isBmp(head: Uint8Array): boolean {
  if (head[0] !== 0x42 || head[1] !== 0x4d || head.length < 18) return false;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const header = view.getUint32(14, true);
  return view.getUint32(6, true) === 0 && bitmapHeaders.includes(header) && view.getUint32(10, true) >= 14 + header;
}

function isText(head: Uint8Array): boolean {
  return head.every((byte) => byte >= 0x20 || byte === 9 || byte === 10 || byte === 13 || byte === 12);
}
