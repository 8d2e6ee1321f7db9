import { createBitReader } from "./bit-reader.ts";
import { type Coefficients, type Component, emptyComponent, mcusOf, type ScanHeader } from "./coefficients.ts";
import { damaged, refused } from "./damaged.ts";
import { decoderOf, type HuffmanDecoder } from "./huffman.ts";
import { blockReader, type ScanPart } from "./read-scan.ts";

/** Kinds of frames that are refused by name: T.81, table B.1. */
const otherFrames: Readonly<Record<number, string>> = {
  195: "a JPEG without DCT",
  197: "a hierarchical JPEG",
  198: "a hierarchical JPEG",
  199: "a hierarchical JPEG",
  201: "a JPEG with arithmetic coding",
  202: "a JPEG with arithmetic coding",
  203: "a JPEG with arithmetic coding",
  204: "a JPEG with arithmetic coding",
  205: "a JPEG with arithmetic coding",
  206: "a JPEG with arithmetic coding",
  207: "a JPEG with arithmetic coding",
  220: "a JPEG whose height comes last",
  222: "a hierarchical JPEG",
  223: "a hierarchical JPEG",
};

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly progressive: boolean;
  readonly components: readonly Component[];
  /** The quantisation table that each component names. */
  readonly tables: readonly number[];
}

/** What the markers have said so far. */
interface Reading {
  frame?: Frame;
  restartEvery: number;
  jfif: boolean;
  adobe?: number;
  readonly quantisation: (Uint16Array | undefined)[];
  readonly dc: (HuffmanDecoder | undefined)[];
  readonly ac: (HuffmanDecoder | undefined)[];
  /** By component and coefficient: how many low bits are still to come; 255: all. */
  readonly missing: Uint8Array[];
}

/**
 * Reads a JPEG's coefficients: 8 bits, Huffman-coded, one or three components, baseline or progressive, whole. All its
 * metadata, and whatever follows its end marker, is passed over. Fails with unsupported for other kinds and with
 * unreadable for the least doubt: a decoder may guess, this must not.
 */
export function readJpeg(file: Buffer): Coefficients {
  if (file[0] !== 0xff || file[1] !== 0xd8) throw damaged("no start marker");
  const reading: Reading = { restartEvery: 0, jfif: false, quantisation: [], dc: [], ac: [], missing: [] };
  let at = 2;
  for (;;) {
    // Bytes between segments belong to nothing; decoders pass over them too.
    while (at < file.length && (file[at] !== 0xff || file[at + 1] === 0 || file[at + 1] === 0xff)) at++;
    const marker = file[at + 1];
    if (marker === undefined) throw damaged("no end marker");
    if (marker === 0xd9) return whole(reading);
    if (marker === 0xd8 || (marker >= 0xd0 && marker <= 0xd7)) throw damaged("a marker where none may be");
    if (marker === 1) {
      at += 2;
      continue;
    }
    const length = at + 4 <= file.length ? file.readUInt16BE(at + 2) : 0;
    const end = at + 2 + length;
    if (length < 2 || end > file.length) throw damaged("a segment that does not fit");
    const segment = file.subarray(at + 4, end);
    at = marker === 0xda ? readScan(file, segment, end, reading) : end;
    if (marker !== 0xda) readSegment(marker, segment, reading);
  }
}

function readSegment(marker: number, segment: Buffer, reading: Reading): void {
  const kind = otherFrames[marker];
  if (kind !== undefined) throw refused(kind);
  if (marker >= 0xc0 && marker <= 0xc2) {
    if (reading.frame !== undefined) throw damaged("a second frame");
    reading.frame = frameOf(segment, marker === 0xc2);
    for (const _ of reading.frame.components) reading.missing.push(new Uint8Array(64).fill(255));
  } else if (marker === 0xc4) readHuffmanTables(segment, reading);
  else if (marker === 0xdb) readQuantisation(segment, reading);
  else if (marker === 0xdd) {
    if (segment.length !== 2) throw damaged("a restart interval that is none");
    reading.restartEvery = segment.readUInt16BE(0);
  } else if (marker === 0xe0 && segment.toString("latin1", 0, 5) === "JFIF\0") reading.jfif = true;
  else if (marker === 0xee && segment.length >= 12 && segment.toString("latin1", 0, 5) === "Adobe") {
    reading.adobe = segment[11]!;
  }
}

function frameOf(segment: Buffer, progressive: boolean): Frame {
  const count = segment[5] ?? 0;
  if (segment.length !== 6 + 3 * count) throw damaged("a frame header that is none");
  if (segment[0] !== 8) throw refused(`a JPEG of ${segment[0]} bits`);
  if (count !== 1 && count !== 3) throw refused(count === 4 ? "a CMYK JPEG" : `a JPEG of ${count} components`);
  const [height, width] = [segment.readUInt16BE(1), segment.readUInt16BE(3)];
  if (height === 0) throw refused("a JPEG whose height comes last");
  if (width === 0) throw damaged("a picture without pixels");
  const samplings = Array.from({ length: count }, (_, index) => {
    const [id, factors] = [segment[6 + 3 * index]!, segment[7 + 3 * index]!];
    return { id, h: factors >> 4, v: factors & 15 };
  });
  const { hMax, vMax } = mcusOf(width, height, samplings);
  for (const { h, v } of samplings) {
    if (h < 1 || h > 4 || v < 1 || v > 4) throw damaged("sampling factors that cannot be");
    if (hMax % h !== 0 || vMax % v !== 0) throw refused("a JPEG with fractional sampling");
  }
  if (new Set(samplings.map(({ id }) => id)).size !== count) throw damaged("two components of one name");
  return {
    width,
    height,
    progressive,
    components: samplings.map((own) => emptyComponent(width, height, own, samplings)),
    tables: samplings.map((_, index) => segment[8 + 3 * index]!),
  };
}

function readQuantisation(segment: Buffer, { quantisation }: Reading): void {
  for (let at = 0; at < segment.length; ) {
    const head = segment[at++]!;
    const wide = head >> 4 === 1;
    const bytes = wide ? 128 : 64;
    if (head >> 4 > 1 || (head & 15) > 3 || at + bytes > segment.length) throw damaged("a quantisation table");
    const table = Uint16Array.from({ length: 64 }, (_, k) =>
      wide ? segment.readUInt16BE(at + 2 * k) : segment[at + k]!,
    );
    if (table.includes(0)) throw damaged("a quantisation table");
    quantisation[head & 15] = table;
    at += bytes;
  }
}

function readHuffmanTables(segment: Buffer, { dc, ac }: Reading): void {
  for (let at = 0; at < segment.length; ) {
    const head = segment[at]!;
    const counts = segment.subarray(at + 1, at + 17);
    const total = counts.reduce((sum, count) => sum + count, 0);
    at += 17 + total;
    if (head >> 4 > 1 || (head & 15) > 3 || total > 256 || at > segment.length) throw damaged("a Huffman table");
    const table = decoderOf({ counts, symbols: segment.subarray(at - total, at) });
    (head >> 4 === 0 ? dc : ac)[head & 15] = table;
  }
}

/** Reads one scan; gives where it ends. */
function readScan(file: Buffer, segment: Buffer, start: number, reading: Reading): number {
  const { frame } = reading;
  if (frame === undefined) throw damaged("a scan before its frame");
  const count = segment[0] ?? 0;
  if (count < 1 || count > 4 || segment.length !== 4 + 2 * count) throw damaged("a scan header that is none");
  const tail = 1 + 2 * count;
  const header: ScanHeader = frame.progressive
    ? { first: segment[tail]!, last: segment[tail + 1]!, high: segment[tail + 2]! >> 4, low: segment[tail + 2]! & 15 }
    : { first: 0, last: 63, high: 0, low: 0 };
  const parts = Array.from({ length: count }, (_, n): ScanPart => {
    const index = frame.components.findIndex(({ id }) => id === segment[1 + 2 * n]);
    const component = frame.components[index];
    if (component === undefined) throw damaged("a scan of a component that is not there");
    latchSteps(component, reading.quantisation[frame.tables[index]!]);
    noteBits(reading.missing[index]!, header, frame.progressive);
    const tables = segment[2 + 2 * n]!;
    return { component, dc: reading.dc[tables >> 4], ac: reading.ac[tables & 15] };
  });
  if (new Set(parts.map(({ component }) => component)).size !== count) throw damaged("a component twice in one scan");
  if (header.first > 0 && count > 1) throw damaged("a scan header that is none");

  const reader = createBitReader(file, start);
  const state = { run: 0 };
  const predictor = new Int32Array(count);
  const readers = parts.map((part, n) => blockReader(part, header, frame.progressive, reader, state, predictor, n));
  let [left, restarts] = [reading.restartEvery, 0];
  forEachMcu(frame, parts, (n, at) => readers[n]!(at), {
    before() {
      if (reading.restartEvery === 0) return;
      if (left === 0) {
        if (state.run > 0) throw damaged("a run of blocks beyond a restart marker");
        reader.restart(restarts++ & 7);
        predictor.fill(0);
        left = reading.restartEvery;
      }
      left--;
    },
  });
  if (state.run > 0) throw damaged("a run of blocks beyond its scan");
  return reader.position();
}

/** Blocks in the order of a scan: whole MCUs where it has several components, else the blocks that hold pixels. */
function forEachMcu(
  { width, height, components }: Frame,
  parts: readonly ScanPart[],
  block: (part: number, at: number) => void,
  { before }: { before(): void },
): void {
  const only = parts.length === 1 ? parts[0]!.component : undefined;
  const { across, down } = only ?? mcusOf(width, height, components);
  for (let row = 0; row < down; row++) {
    for (let column = 0; column < across; column++) {
      before();
      if (only !== undefined) block(0, 64 * (row * only.pitch + column));
      else {
        for (let n = 0; n < parts.length; n++) {
          const { h, v, pitch } = parts[n]!.component;
          for (let y = row * v; y < (row + 1) * v; y++) {
            for (let x = column * h; x < (column + 1) * h; x++) block(n, 64 * (y * pitch + x));
          }
        }
      }
    }
  }
}

/** A component keeps the table that its first scan found. */
function latchSteps({ steps }: Component, table: Uint16Array | undefined): void {
  if (steps[0] !== 0) return;
  if (table === undefined) throw damaged("a component without its quantisation table");
  steps.set(table);
}

/** Each bit must come once, the highest first: T.81, G.1.1.1. */
function noteBits(missing: Uint8Array, { first, last, high, low }: ScanHeader, progressive: boolean): void {
  const sound = first <= last && last < 64 && low < 14 && (!progressive || (first === 0) === (last === 0));
  if (!sound || (high !== 0 && high !== low + 1)) throw damaged("a scan header that is none");
  for (let k = first; k <= last; k++) {
    if (missing[k] !== (high === 0 ? 255 : high)) throw damaged("scans that do not fit together");
    missing[k] = low;
  }
}

function whole({ frame, missing, jfif, adobe }: Reading): Coefficients {
  if (frame === undefined) throw damaged("no picture");
  if (missing.some((bits) => bits.some((low) => low !== 0))) throw damaged("some of its scans are missing");
  const { width, height, progressive, components } = frame;
  return { width, height, progressive, components, colours: coloursOf(components, jfif, adobe) };
}

/** The way all of libjpeg's descendants tell, there being no standard. */
function coloursOf(components: readonly Component[], jfif: boolean, adobe: number | undefined) {
  if (components.length === 1) return "grey";
  if (jfif) return "ycc";
  if (adobe !== undefined) return adobe === 0 ? "rgb" : "ycc";
  return String.fromCharCode(...components.map(({ id }) => id)) === "RGB" ? "rgb" : "ycc";
}
