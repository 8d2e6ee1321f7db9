import type { Exif } from "sharp";
import type { MetadataPolicy } from "../core/policy.ts";
import { readTiff, type Tiff, valuesOf } from "./tiff-directories.ts";

/** Words of an original that may be kept: short, printable ASCII, of the shape that their name promises. */
export type Words = Readonly<Partial<Record<keyof typeof wordFields, string>>>;

/** Degrees, north and east positive; metres above the sea, never below: libvips writes no other sign. */
export interface Position {
  readonly latitude: number;
  readonly longitude: number;
  readonly altitude?: number;
}

export interface KeepableMetadata {
  readonly words: Words;
  readonly position?: Position;
}

interface WordField {
  readonly directory: "main" | "exif";
  readonly tag: number;
  readonly shape: RegExp;
}

const line = (most: number) => new RegExp(`^[\\x20-\\x7e]{1,${most}}$`);

/** EXIF's own names and tags: CIPA DC-008. Their order is the one they are written in. */
export const wordFields = {
  Make: { directory: "main", tag: 271, shape: line(64) },
  Model: { directory: "main", tag: 272, shape: line(64) },
  Artist: { directory: "main", tag: 315, shape: line(128) },
  Copyright: { directory: "main", tag: 33432, shape: line(256) },
  DateTimeOriginal: {
    directory: "exif",
    tag: 36867,
    shape: /^\d{4}:(0\d|1[0-2]):([0-2]\d|3[01]) ([01]\d|2[0-3]):[0-5]\d:[0-5]\d$/,
  },
  OffsetTimeOriginal: { directory: "exif", tag: 36881, shape: /^[+-](0\d|1[0-4]):[0-5]\d$/ },
  SubSecTimeOriginal: { directory: "exif", tag: 37521, shape: /^\d{1,6}$/ },
} as const satisfies Record<string, WordField>;

/** What of an EXIF block may be kept: each value read by its type, never a block of bytes. Whatever is odd is left out. */
export function readMetadata(block: Buffer): KeepableMetadata {
  const bytes = block.subarray(0, 5).equals(Buffer.from("Exif\0")) ? block.subarray(6) : block;
  let tiff: Tiff;
  try {
    tiff = readTiff(bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { words: {} };
  }
  const entryOf = (kind: string, tag: number) =>
    tiff.directories.find((one) => one.kind === kind && one.index === 0)?.entries.find((one) => one.tag === tag);
  const words: Partial<Record<keyof typeof wordFields, string>> = {};
  for (const [name, { directory, tag, shape }] of Object.entries(wordFields) as [
    keyof typeof wordFields,
    WordField,
  ][]) {
    const entry = entryOf(directory, tag);
    if (entry?.type !== 2 || entry.length > 1024) continue;
    const word = plain(bytes.toString("utf8", entry.at, entry.at + entry.length));
    if (shape.test(word)) words[name] = word;
  }
  const numbers = (tag: number) => {
    const entry = entryOf("gps", tag);
    return entry === undefined ? [] : valuesOf(bytes, tiff.little, entry, 3);
  };
  const letter = (tag: number) => String.fromCharCode(numbers(tag)[0] ?? 0);
  const position = positionOf(numbers, letter);
  return { words, ...(position && { position }) };
}

/** The fields that a policy keeps, as sharp writes them; undefined: none. */
export function keptExif({ words, position }: KeepableMetadata, policy: MetadataPolicy): Exif | undefined {
  if (policy === "none") return undefined;
  const exif: { IFD0?: Record<string, string>; IFD2?: Record<string, string>; IFD3?: Record<string, string> } = {};
  for (const [name, word] of Object.entries(words)) {
    const directory = wordFields[name as keyof typeof wordFields].directory === "main" ? "IFD0" : "IFD2";
    // libvips drops what stands behind the last " (", where it looks for a note of its own: it gets one to drop.
    exif[directory] = { ...exif[directory], [name]: `${word} (x, ASCII)` };
  }
  if (policy === "keep-safe-gps" && position !== undefined) exif.IFD3 = gpsText(position);
  return Object.keys(exif).length > 0 ? exif : undefined;
}

/** A position as GPS fields with quotients of whole numbers: seconds of arc to a ten thousandth, centimetres. */
export function gpsText({ latitude, longitude, altitude }: Position): Record<string, string> {
  return {
    GPSLatitudeRef: latitude < 0 ? "S" : "N",
    GPSLatitude: sexagesimal(latitude),
    GPSLongitudeRef: longitude < 0 ? "W" : "E",
    GPSLongitude: sexagesimal(longitude),
    ...(altitude !== undefined && {
      GPSAltitudeRef: "0",
      GPSAltitude: `${Math.round(altitude * 100)}/100`,
    }),
  };
}

function sexagesimal(degrees: number): string {
  const parts = Math.round(Math.abs(degrees) * 36_000_000);
  return `${Math.floor(parts / 36_000_000)}/1 ${Math.floor(parts / 600_000) % 60}/1 ${parts % 600_000}/10000`;
}

function positionOf(numbers: (tag: number) => number[], letter: (tag: number) => string): Position | undefined {
  const degrees = (tag: number) => {
    const [whole = Number.NaN, minutes = Number.NaN, seconds = Number.NaN] = numbers(tag);
    return whole + minutes / 60 + seconds / 3600;
  };
  const [latitude, longitude] = [degrees(2), degrees(4)];
  if (!(latitude <= 90 && longitude <= 180 && "NS".includes(letter(1)) && "EW".includes(letter(3)))) return undefined;
  const [metres] = numbers(6);
  const above = (numbers(5)[0] ?? 0) === 0;
  return {
    latitude: letter(1) === "S" ? -latitude : latitude,
    longitude: letter(3) === "W" ? -longitude : longitude,
    ...(above && metres !== undefined && metres < 20_000 && { altitude: metres }),
  };
}

const replacements: Readonly<Record<string, string>> = {
  ...{ "©": "(c)", "®": "(r)", ß: "ss", ø: "o", Ø: "O", æ: "ae", Æ: "AE", œ: "oe", ł: "l", Ł: "L", đ: "d" },
  ...{ "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"' },
};

/** Without the end mark, padding and accents: EXIF's text is ASCII, and what is not stays behind. */
function plain(text: string): string {
  const cut = text.split("\0", 1)[0]!.trim();
  return cut
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^\0-\x7f]/g, (letter) => replacements[letter] ?? letter);
}
