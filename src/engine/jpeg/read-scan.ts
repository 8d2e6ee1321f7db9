import type { BitReader } from "./bit-reader.ts";
import type { Component, ScanHeader } from "./coefficients.ts";
import { damaged } from "./damaged.ts";
import type { HuffmanDecoder } from "./huffman.ts";

/** A component with the tables that its scan names; where a scan needs none, it may be absent. */
export interface ScanPart {
  readonly component: Component;
  readonly dc: HuffmanDecoder | undefined;
  readonly ac: HuffmanDecoder | undefined;
}

/** Where a scan goes on from: forgotten at each restart. */
interface State {
  /** Blocks yet to come that hold nothing more: T.81, G.1.2.2. */
  run: number;
}

type BlockReader = (at: number) => void;

/** How one block of a component is read in a scan; `state` is shared by the scan. T.81, annexes F and G. */
export function blockReader(
  part: ScanPart,
  header: ScanHeader,
  progressive: boolean,
  reader: BitReader,
  state: State,
  predictor: Int32Array,
  index: number,
): BlockReader {
  const { values } = part.component;
  if (!progressive) {
    const [dc, ac] = [needed(part.dc), needed(part.ac)];
    return (at) => {
      values[at] = predictor[index]! += reader.signed(sizeOf(reader.symbol(dc), 11));
      checkDc(predictor[index]!);
      for (let k = 1; k < 64; k++) {
        const symbol = reader.symbol(ac);
        const size = sizeOf(symbol & 15, 10);
        if (size === 0 && symbol !== 0xf0) break;
        k += symbol >> 4;
        if (k > 63) throw damaged("a block of more than 64 coefficients");
        if (size > 0) values[at + k] = reader.signed(size);
      }
    };
  }
  const { first, high, low } = header;
  if (first === 0 && high === 0) {
    const dc = needed(part.dc);
    return (at) => {
      predictor[index]! += reader.signed(sizeOf(reader.symbol(dc), 11));
      checkDc(predictor[index]! << low);
      values[at] = predictor[index]! << low;
    };
  }
  if (first === 0) {
    return (at) => {
      if (reader.bits(1) === 1) values[at]! |= 1 << low;
    };
  }
  const ac = needed(part.ac);
  return high === 0 ? firstPass(values, header, reader, ac, state) : refinement(values, header, reader, ac, state);
}

function firstPass(
  values: Int16Array,
  { first, last, low }: ScanHeader,
  reader: BitReader,
  ac: HuffmanDecoder,
  state: State,
): BlockReader {
  return (at) => {
    if (state.run > 0) {
      state.run--;
      return;
    }
    for (let k = first; k <= last; k++) {
      const symbol = reader.symbol(ac);
      const zeros = symbol >> 4;
      const size = sizeOf(symbol & 15, 10);
      if (size === 0 && zeros < 15) {
        state.run = (1 << zeros) - 1 + reader.bits(zeros);
        return;
      }
      k += zeros;
      if (k > last) throw damaged("a block of more coefficients than its scan has");
      if (size > 0) values[at + k] = reader.signed(size) * (1 << low);
    }
  };
}

function refinement(
  values: Int16Array,
  { first, last, low }: ScanHeader,
  reader: BitReader,
  ac: HuffmanDecoder,
  state: State,
): BlockReader {
  const bit = 1 << low;
  const refine = (at: number, value: number) => {
    if (reader.bits(1) === 1 && (value & bit) === 0) values[at] = value + (value > 0 ? bit : -bit);
  };
  return (at) => {
    let k = first;
    while (state.run === 0 && k <= last) {
      const symbol = reader.symbol(ac);
      let zeros = symbol >> 4;
      const size = symbol & 15;
      if (size > 1) throw damaged("a refined coefficient of more than one bit");
      if (size === 0 && zeros < 15) {
        // Counts this block too, the rest of which is refined below.
        state.run = (1 << zeros) + reader.bits(zeros);
        break;
      }
      const fresh = size === 0 ? 0 : reader.bits(1) === 1 ? bit : -bit;
      for (; k <= last; k++) {
        const value = values[at + k]!;
        if (value !== 0) refine(at + k, value);
        else if (zeros-- === 0) break;
      }
      if (fresh !== 0) {
        if (k > last) throw damaged("a block of more coefficients than its scan has");
        values[at + k] = fresh;
      }
      k++;
    }
    if (state.run > 0) {
      for (; k <= last; k++) {
        const value = values[at + k]!;
        if (value !== 0) refine(at + k, value);
      }
      state.run--;
    }
  };
}

function needed(table: HuffmanDecoder | undefined): HuffmanDecoder {
  if (table === undefined) throw damaged("a scan without its Huffman table");
  return table;
}

/** Sizes that 8-bit pictures have, and that can be written again: T.81, tables F.1 and F.2. */
function sizeOf(size: number, most: number): number {
  if (size > most) throw damaged("a coefficient beyond what 8 bits give");
  return size;
}

function checkDc(value: number): void {
  if (value < -2048 || value > 2047) throw damaged("a coefficient beyond what 8 bits give");
}
