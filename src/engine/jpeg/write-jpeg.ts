import { type ByteWriter, createByteWriter } from "./byte-writer.ts";
import { type Coefficients, type Component, mcusOf, type ScanHeader } from "./coefficients.ts";
import { damaged } from "./damaged.ts";
import { bestTable, encoderOf, type HuffmanSpec } from "./huffman.ts";
import { type Block, type BlockWriter, blockWriter, type ScanSink, slotOf } from "./write-scan.ts";

/** What a file says besides its coefficients. */
export interface Attachments {
  readonly icc?: Buffer;
  /** How a viewer is to turn the picture: EXIF 2.3, orientation, 1 to 8. */
  readonly orientation: number;
  /** An EXIF block that says so too, and what else is kept; absent: the orientation alone, where it says anything. */
  readonly exif?: Buffer;
}

/** Points `values` and `at` to the block number `index` of a component: its own coefficients, or what stands for them. */
export type BlockSource = (component: number, index: number, block: Omit<Block, "end">) => void;

interface Scan extends ScanHeader {
  readonly components: readonly number[];
}

/**
 * A whole JPEG of these coefficients, in the same mode, with Huffman tables made for it. It holds the attachments and no
 * other metadata; blocks beyond the picture's border hold nothing.
 */
export function writeJpeg(
  picture: Coefficients,
  source: BlockSource,
  attachments: Attachments,
  expectedBytes: number,
): Buffer {
  const { components, progressive, colours } = picture;
  const writer = createByteWriter(expectedBytes);
  writer.bytes(Buffer.from([0xff, 0xd8]));
  if (colours === "rgb") writer.segment(0xee, Buffer.from("Adobe\0\x64\0\0\0\0\0", "latin1"));
  else writer.segment(0xe0, Buffer.from("JFIF\0\x01\x01\0\0\x01\0\x01\0\0", "latin1"));
  const { orientation, exif = orientation === 1 ? undefined : exifOf(orientation) } = attachments;
  if (exif !== undefined) writer.segment(0xe1, exif);
  for (const payload of iccSegments(attachments.icc)) writer.segment(0xe2, payload);
  writeTables(components, writer);
  const wide = components.some(({ steps }) => steps.some((step) => step > 255));
  writer.segment(progressive ? 0xc2 : wide ? 0xc1 : 0xc0, frameOf(picture));
  const ends = picture.components.map((component, index) => endsOf(component, index, source));
  const measured = (index: number, number: number, block: Block) => {
    source(index, number, block);
    block.end = ends[index]![number]!;
  };
  for (const scan of scansOf(picture)) writeScan(picture, measured, scan, writer);
  writer.bytes(Buffer.from([0xff, 0xd9]));
  return writer.done();
}

type MeasuredSource = (component: number, index: number, block: Block) => void;

/** By block: how many coefficients there are until all that follow are zero. Each of the scans needs it. */
function endsOf({ across, down, pitch }: Component, index: number, source: BlockSource): Uint8Array {
  const ends = new Uint8Array(pitch * down);
  const block = { values: new Int16Array(0), at: 0 };
  for (let row = 0; row < down; row++) {
    for (let number = row * pitch; number < row * pitch + across; number++) {
      source(index, number, block);
      let end = 64;
      while (end > 0 && block.values[block.at + end - 1] === 0) end--;
      ends[number] = end;
    }
  }
  return ends;
}

/** A TIFF directory of one entry: EXIF 2.3, 4.5 and 4.6.4. */
function exifOf(orientation: number): Buffer {
  const head = Buffer.from("Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0", "latin1");
  head[head.length - 7] = orientation;
  return head;
}

/** ICC.1:2022, B.4. */
function iccSegments(icc: Buffer = Buffer.alloc(0)): Buffer[] {
  const most = 65_519;
  const count = Math.ceil(icc.length / most);
  return Array.from({ length: count }, (_, n) =>
    Buffer.concat([
      Buffer.from("ICC_PROFILE\0", "latin1"),
      Buffer.from([n + 1, count]),
      icc.subarray(n * most, (n + 1) * most),
    ]),
  );
}

/** The number of each component's table: of components with equal steps, the first one's. Three at most; four there may be. */
function tablesOf(components: readonly Component[]): readonly number[] {
  return components.map(({ steps }) =>
    components.findIndex((other) => other.steps.every((step, k) => step === steps[k])),
  );
}

function writeTables(components: readonly Component[], writer: ByteWriter): void {
  for (const index of new Set(tablesOf(components))) {
    const { steps } = components[index]!;
    const wide = steps.some((step) => step > 255);
    const table = Buffer.alloc(wide ? 129 : 65);
    table[0] = (wide ? 16 : 0) | index;
    for (const [k, step] of steps.entries()) {
      if (wide) table.writeUInt16BE(step, 1 + 2 * k);
      else table[1 + k] = step;
    }
    writer.segment(0xdb, table);
  }
}

function frameOf({ width, height, components }: Coefficients): Buffer {
  const frame = Buffer.alloc(6 + 3 * components.length);
  frame[0] = 8;
  frame.writeUInt16BE(height, 1);
  frame.writeUInt16BE(width, 3);
  frame[5] = components.length;
  const tables = tablesOf(components);
  for (const [index, { id, h, v }] of components.entries()) {
    frame.set([id, (h << 4) | v, tables[index]!], 6 + 3 * index);
  }
  return frame;
}

/** Baseline: one pass over all. Progressive: what libjpeg writes, first bits first. */
function scansOf({ progressive, colours, components }: Coefficients): Scan[] {
  const all = components.map((_, index) => index);
  // T.81, B.2.3: an MCU has ten blocks at most.
  const together = components.reduce((sum, { h, v }) => sum + h * v, 0) <= 10;
  const each = (first: number, last: number, high: number, low: number, order = all): Scan[] =>
    order.map((index) => ({ first, last, high, low, components: [index] }));
  const joint = (first: number, last: number, high: number, low: number): Scan[] =>
    together ? [{ first, last, high, low, components: all }] : each(first, last, high, low);
  if (!progressive) return joint(0, 63, 0, 0);
  const [chroma, luma] = colours === "ycc" ? [[2, 1], [0]] : [[], all];
  return [
    ...joint(0, 0, 0, 1),
    ...each(1, 5, 0, 2, luma),
    ...each(1, 63, 0, 1, chroma),
    ...each(6, 63, 0, 2, luma),
    ...each(1, 63, 2, 1, luma),
    ...joint(0, 0, 1, 0),
    ...each(1, 63, 1, 0, chroma),
    ...each(1, 63, 1, 0, luma),
  ];
}

/** Goes over the blocks twice: to count the symbols, then to write them. */
function writeScan(picture: Coefficients, source: MeasuredSource, scan: Scan, writer: ByteWriter): void {
  const counts = Array.from({ length: 4 }, () => new Uint32Array(256));
  const counter: ScanSink = {
    symbol(table, symbol) {
      counts[table]![symbol]!++;
    },
    bits() {},
  };
  forEachBlock(picture, source, scan, blockWriter(scan, picture.progressive, counter));

  const specs = counts.map((frequencies) =>
    frequencies.some((count) => count > 0) ? bestTable(frequencies) : undefined,
  );
  for (const [table, spec] of specs.entries())
    if (spec !== undefined) writer.segment(0xc4, huffmanSegment(table, spec));
  writer.segment(0xda, scanHeader(picture, scan));
  const encoders = specs.map((spec) => spec && encoderOf(spec));
  const sink: ScanSink = {
    symbol(table, symbol) {
      const { codes, lengths } = encoders[table]!;
      if (lengths[symbol] === 0) throw damaged("a symbol without a code");
      writer.bits(codes[symbol]!, lengths[symbol]!);
    },
    bits: writer.bits,
  };
  forEachBlock(picture, source, scan, blockWriter(scan, picture.progressive, sink));
  writer.align();
}

function huffmanSegment(table: number, { counts, symbols }: HuffmanSpec): Buffer {
  return Buffer.concat([Buffer.from([((table & 1) << 4) | (table >> 1)]), counts, symbols]);
}

function scanHeader({ components }: Coefficients, { first, last, high, low, components: part }: Scan): Buffer {
  const chosen = part.flatMap((index, n) => [components[index]!.id, 0x11 * slotOf(n)]);
  return Buffer.from([part.length, ...chosen, first, last, (high << 4) | low]);
}

function forEachBlock(picture: Coefficients, source: MeasuredSource, scan: Scan, writer: BlockWriter): void {
  const { width, height, components } = picture;
  const block: Block = { values: components[0]!.values, at: 0, end: 64 };
  const only = scan.components.length === 1 ? components[scan.components[0]!] : undefined;
  if (only !== undefined) {
    for (let row = 0; row < only.down; row++) {
      for (let column = 0; column < only.across; column++) {
        source(scan.components[0]!, row * only.pitch + column, block);
        writer.block(block, 0);
      }
    }
    writer.end();
    return;
  }
  const { across, down } = mcusOf(width, height, components);
  for (let row = 0; row < down; row++) {
    for (let column = 0; column < across; column++) {
      for (let n = 0; n < components.length; n++) {
        const { h, v, pitch, across: filled, down: filledDown } = components[n]!;
        for (let y = row * v; y < (row + 1) * v; y++) {
          for (let x = column * h; x < (column + 1) * h; x++) {
            if (x >= filled || y >= filledDown) writer.block("padding", n);
            else {
              source(n, y * pitch + x, block);
              writer.block(block, n);
            }
          }
        }
      }
    }
  }
  writer.end();
}
