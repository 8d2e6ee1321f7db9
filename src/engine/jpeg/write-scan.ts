import type { ScanHeader } from "./coefficients.ts";
import { damaged } from "./damaged.ts";

/** Takes a scan's symbols and bits, to count or to write them. */
export interface ScanSink {
  symbol(table: number, symbol: number): void;
  bits(value: number, count: number): void;
}

/** Where the 64 coefficients of a block lie, and how many there are until all that follow are zero. */
export interface Block {
  values: Int16Array;
  at: number;
  end: number;
}

/** Writes the blocks of one scan, one after the other. */
export interface BlockWriter {
  /** `padding` stands for a block that holds no pixels: it gets what costs least. */
  block(block: Block | "padding", index: number): void;
  end(): void;
}

/** Of each kind there are two tables, as many as baseline allows: the first component's, and one for all others. */
export const slotOf = (index: number) => Math.min(index, 1);

/** Tables go by slot: twice its number for DC, one more for AC. */
export function blockWriter(header: ScanHeader, progressive: boolean, sink: ScanSink): BlockWriter {
  const predictor = new Int32Array(4);
  if (!progressive) {
    return {
      block(block, index) {
        writeDc(block, 0, index, predictor, sink);
        if (block === "padding") sink.symbol(2 * slotOf(index) + 1, 0);
        else writeAc(block, 2 * slotOf(index) + 1, sink);
      },
      end() {},
    };
  }
  const { first, high, low } = header;
  if (first > 0) return high === 0 ? firstPass(header, sink) : refinement(header, sink);
  return {
    block(block, index) {
      if (high === 0) writeDc(block, low, index, predictor, sink);
      else sink.bits(block === "padding" ? 0 : (block.values[block.at]! >> low) & 1, 1);
    },
    end() {},
  };
}

/** Bits of a number that is not negative. */
const widthOf = (value: number) => 32 - Math.clz32(value);

function writeDc(block: Block | "padding", low: number, index: number, predictor: Int32Array, sink: ScanSink): void {
  const value = block === "padding" ? predictor[index]! : block.values[block.at]! >> low;
  const difference = value - predictor[index]!;
  predictor[index] = value;
  const size = widthOf(Math.abs(difference));
  if (size > 11) throw damaged("neighbours whose difference cannot be written");
  sink.symbol(2 * slotOf(index), size);
  if (size > 0) sink.bits(difference > 0 ? difference : difference + (1 << size) - 1, size);
}

function writeAc({ values, at, end }: Block, table: number, sink: ScanSink): void {
  let zeros = 0;
  for (let k = 1; k < end; k++) {
    const value = values[at + k]!;
    if (value === 0) {
      zeros++;
      continue;
    }
    for (; zeros > 15; zeros -= 16) sink.symbol(table, 0xf0);
    const size = widthOf(Math.abs(value));
    sink.symbol(table, (zeros << 4) | size);
    sink.bits(value > 0 ? value : value + (1 << size) - 1, size);
    zeros = 0;
  }
  if (end < 64) sink.symbol(table, 0);
}

/** Blocks in a row that hold nothing more, told at once: T.81, G.1.2.2. */
function createRun(table: number, sink: ScanSink) {
  let run = 0;
  /** Bits that refine what those blocks had already. */
  const refining: number[] = [];
  const flush = () => {
    if (run === 0) return;
    const size = widthOf(run) - 1;
    sink.symbol(table, size << 4);
    if (size > 0) sink.bits(run & ((1 << size) - 1), size);
    run = 0;
    for (const bit of refining) sink.bits(bit, 1);
    refining.length = 0;
  };
  return {
    flush,
    add(bits: readonly number[]) {
      run++;
      for (const bit of bits) refining.push(bit);
      if (run === 0x7fff) flush();
    },
  };
}

// A scan of AC coefficients has one component, whose table is number 1.
const acTable = 1;

function firstPass({ first, last, low }: ScanHeader, sink: ScanSink): BlockWriter {
  const run = createRun(acTable, sink);
  return {
    block(block) {
      if (block === "padding") throw damaged("a padding block in a scan of one component");
      const { values, at, end } = block;
      let zeros = 0;
      for (let k = first; k <= last && k < end; k++) {
        const value = values[at + k]!;
        const magnitude = Math.abs(value) >> low;
        if (magnitude === 0) {
          zeros++;
          continue;
        }
        run.flush();
        for (; zeros > 15; zeros -= 16) sink.symbol(acTable, 0xf0);
        const size = widthOf(magnitude);
        sink.symbol(acTable, (zeros << 4) | size);
        sink.bits(value > 0 ? magnitude : (1 << size) - 1 - magnitude, size);
        zeros = 0;
      }
      if (zeros > 0 || end <= last) run.add([]);
    },
    end: run.flush,
  };
}

/** T.81, G.1.2.3, figures G.7 to G.9. */
function refinement({ first, last, low }: ScanHeader, sink: ScanSink): BlockWriter {
  const run = createRun(acTable, sink);
  const pending: number[] = [];
  const flushPending = () => {
    for (const bit of pending) sink.bits(bit, 1);
    pending.length = 0;
  };
  return {
    block(block) {
      if (block === "padding") throw damaged("a padding block in a scan of one component");
      const { values, at, end } = block;
      let lastFresh = 0;
      for (let k = first; k <= last && k < end; k++) if (Math.abs(values[at + k]!) >> low === 1) lastFresh = k;
      let zeros = 0;
      for (let k = first; k <= last && k < end; k++) {
        const value = values[at + k]!;
        const magnitude = Math.abs(value) >> low;
        if (magnitude === 0) {
          zeros++;
          continue;
        }
        while (zeros > 15 && k <= lastFresh) {
          run.flush();
          sink.symbol(acTable, 0xf0);
          zeros -= 16;
          flushPending();
        }
        if (magnitude > 1) {
          pending.push(magnitude & 1);
          continue;
        }
        run.flush();
        sink.symbol(acTable, (zeros << 4) | 1);
        sink.bits(value > 0 ? 1 : 0, 1);
        flushPending();
        zeros = 0;
      }
      if (zeros > 0 || pending.length > 0 || end <= last) run.add(pending);
      pending.length = 0;
    },
    end: run.flush,
  };
}
