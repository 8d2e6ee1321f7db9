import type { MetadataPolicy } from "../core/policy.ts";
import { gpsText, type KeepableMetadata, wordFields } from "./kept-metadata.ts";
import { type Directory, type Entry, readTiff, type Tiff, valuesOf } from "./tiff-directories.ts";

type Test = (bytes: Buffer, entry: Entry, tiff: Tiff) => boolean;

const numbers =
  (test: (value: number) => boolean, many = 1): Test =>
  (bytes, entry, { little }) =>
    entry.count === many && valuesOf(bytes, little, entry).every(test);
const text =
  (expected: string): Test =>
  (bytes, { type, at, length }) =>
    type === 2 && bytes.toString("latin1", at, at + length) === `${expected}\0`;
const any: Test = () => true;

/** What libvips and libexif add by themselves, all of it about the new file. */
const technical: Readonly<Record<string, Readonly<Record<number, Test>>>> = {
  main: {
    282: numbers((density) => density > 0 && density < 1e5),
    283: numbers((density) => density > 0 && density < 1e5),
    296: numbers((unit) => unit >= 1 && unit <= 3),
    531: numbers((siting) => siting === 1 || siting === 2),
    34665: any,
    34853: any,
  },
  exif: {
    36864: (bytes, { at, length }) => /^\d{4}$/.test(bytes.toString("latin1", at, at + length)),
    37121: numbers((component) => component <= 6, 4),
    40960: (bytes, { at, length }) => bytes.toString("latin1", at, at + length) === "0100",
    40961: numbers((space) => space === 1 || space === 0xffff),
    40962: numbers((width) => width <= 0xffff_ffff),
    40963: numbers((height) => height <= 0xffff_ffff),
  },
  gps: {},
};
const gpsTags: Readonly<Record<string, number>> = {
  ...{ GPSLatitudeRef: 1, GPSLatitude: 2, GPSLongitudeRef: 3, GPSLongitude: 4, GPSAltitudeRef: 5, GPSAltitude: 6 },
};

/**
 * Whether an EXIF block says what the policy keeps of this metadata, how the picture is to be turned, nothing else, and
 * has no byte to spare.
 */
export function isKeptBlock(
  bytes: Buffer,
  metadata: KeepableMetadata,
  policy: MetadataPolicy,
  orientation = 1,
): boolean {
  if (policy === "none") return false;
  const allowed: Record<string, Record<number, Test>> = {
    main: { ...technical.main, 274: numbers((value) => value === orientation) },
    exif: { ...technical.exif },
    gps: {},
  };
  for (const [name, word] of Object.entries(metadata.words)) {
    const { directory, tag } = wordFields[name as keyof typeof wordFields];
    allowed[directory]![tag] = text(word);
  }
  if (policy === "keep-safe-gps" && metadata.position !== undefined) {
    for (const [name, value] of Object.entries(gpsText(metadata.position)))
      allowed.gps![gpsTags[name]!] = gpsTest(value);
  }
  return saysOnly(bytes, allowed);
}

/** Whether an EXIF block says how the picture is to be turned, and nothing else. */
export function isOrientation(bytes: Buffer, orientation: number): boolean {
  return saysOnly(bytes, { main: { 274: numbers((value) => value === orientation) } });
}

/** Whether a block holds fields that pass their tests, each once, and no byte besides. */
function saysOnly(bytes: Buffer, allowed: Readonly<Record<string, Readonly<Record<number, Test>>>>): boolean {
  let tiff: Tiff;
  try {
    tiff = readTiff(bytes);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
  const isFine = ({ kind, index, entries }: Directory) =>
    index === 0 &&
    entries.every((entry) => allowed[kind]?.[entry.tag]?.(bytes, entry, tiff) === true) &&
    new Set(entries.map(({ tag }) => tag)).size === entries.length;
  return !tiff.damaged && tiff.directories.every(isFine) && spareBytes(bytes, tiff) === 0;
}

function gpsTest(value: string): Test {
  if (/^[NSEW]$/.test(value)) return text(value);
  const wanted = value.split(" ").map((part) => part.split("/").map(Number) as [number, number?]);
  return (bytes, entry, { little }) => {
    const read = valuesOf(bytes, little, entry);
    const near = (number: number, [above, below = 1]: [number, number?]) => Math.abs(number - above / below) < 1e-9;
    return (
      read.length === wanted.length && entry.count === read.length && read.every((one, i) => near(one, wanted[i]!))
    );
  };
}

/** Bytes, other than zeros, that belong to no directory and no value. */
function spareBytes(bytes: Buffer, { directories, header }: Tiff): number {
  const used = new Uint8Array(bytes.length).fill(1, 0, header);
  for (const { at, length, entries } of directories) {
    used.fill(1, at, at + length);
    for (const entry of entries) used.fill(1, entry.at, entry.at + entry.length);
  }
  return used.reduce((count, use, i) => count + (use === 0 && bytes[i] !== 0 ? 1 : 0), 0);
}
