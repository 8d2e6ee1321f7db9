/** One field of a directory; its value lies at `at` and takes `length` bytes, cut at the end of the file. */
export interface Entry {
  readonly tag: number;
  readonly type: number;
  readonly count: number;
  readonly at: number;
  readonly length: number;
}

export interface Directory {
  /** `main`: the chain of pages; in EXIF the first describes the picture and the second its thumbnail. */
  readonly kind: "main" | "exif" | "gps" | "interoperability" | "sub";
  /** Of its kind, from 0. */
  readonly index: number;
  readonly at: number;
  readonly length: number;
  readonly entries: readonly Entry[];
}

export interface Tiff {
  readonly little: boolean;
  readonly directories: readonly Directory[];
  /** Bytes of the header. */
  readonly header: number;
  /** Whether something points outside the bytes, or is not what TIFF 6.0 allows. */
  readonly damaged: boolean;
}

/** Bytes a value takes, by TIFF's type number: TIFF 6.0 section 2, BigTIFF. */
const sizes: Readonly<Record<number, number>> = {
  ...{ 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8 },
};
const pointers: Readonly<Record<number, Directory["kind"]>> = {
  330: "sub",
  34665: "exif",
  34853: "gps",
  40965: "interoperability",
};
const mostDirectories = 4096;
const mostEntries = 65_536;

/** Every directory of a TIFF, BigTIFF or EXIF block, each once. Fails with RangeError only where there is no header. */
export function readTiff(bytes: Buffer): Tiff {
  const order = bytes.toString("latin1", 0, 2);
  const little = order === "II";
  const read = readerOf(bytes, little);
  const version = read(2, 2);
  if ((!little && order !== "MM") || (version !== 42 && version !== 43)) throw new RangeError("no TIFF header");
  const big = version === 43;
  const header = big ? 16 : 8;
  const waiting: { at: number; kind: Directory["kind"] }[] = [];
  const seen = new Set<number>();
  const counts = { main: 0, exif: 0, gps: 0, interoperability: 0, sub: 0 };
  const directories: Directory[] = [];
  let damaged = false;
  let left = mostEntries;

  const wait = (at: number, kind: Directory["kind"]) => {
    if (seen.has(at)) return;
    seen.add(at);
    if (seen.size > mostDirectories) damaged = true;
    else waiting.push({ at, kind });
  };
  const readDirectory = (at: number, kind: Directory["kind"]) => {
    const many = read(at, big ? 8 : 2);
    const [first, size, inPlace] = big ? [at + 8, 20, 8] : [at + 2, 12, 4];
    const entries: Entry[] = [];
    directories.push({ kind, index: counts[kind]++, at, length: first + many * size + inPlace - at, entries });
    for (let i = 0, entry = first; i < many; i++, entry += size) {
      if (left-- <= 0) throw new RangeError("too many entries");
      const [tag, type, count] = [read(entry, 2), read(entry + 2, 2), read(entry + 4, inPlace)];
      const wanted = count * (sizes[type] ?? 0);
      const value = entry + 4 + inPlace;
      const from = wanted <= inPlace ? value : read(value, inPlace);
      const length = Math.max(0, Math.min(wanted, bytes.length - from));
      if (length !== wanted || sizes[type] === undefined) damaged = true;
      entries.push({ tag, type, count, at: from, length });
      const pointer = pointers[tag];
      if (pointer !== undefined) {
        for (const target of valuesOf(bytes, little, entries.at(-1)!, 256)) wait(target, pointer);
      }
    }
    const next = read(first + many * size, inPlace);
    if (next !== 0 && (kind === "main" || kind === "sub")) wait(next, kind);
  };

  wait(big ? read(8, 8) : read(4, 4), "main");
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    try {
      readDirectory(next.at, next.kind);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      damaged = true;
    }
  }
  return { little, directories, header, damaged };
}

/** An entry's first values as numbers: rationals as quotients, other bytes one by one. */
export function valuesOf(bytes: Buffer, little: boolean, { type, at, length }: Entry, most = 64): number[] {
  const read = readerOf(bytes, little);
  const size = sizes[type] ?? 1;
  const many = Math.min(most, Math.floor(length / size));
  return Array.from({ length: many }, (_, i) => {
    const from = at + i * size;
    if (type === 5) return read(from, 4) / read(from + 4, 4);
    return size === 8 || size === 4 || size === 2 ? read(from, size) : bytes[from]!;
  });
}

/** Unsigned numbers of 2, 4 or 8 bytes. */
function readerOf(bytes: Buffer, little: boolean): (at: number, size: number) => number {
  return (at, size) => {
    if (size === 2) return little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
    if (size === 4) return little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
    const value = little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at);
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
  };
}
