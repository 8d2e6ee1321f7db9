import { damaged } from "./damaged.ts";

/** A Huffman table as a file holds it: T.81, B.2.4.2. */
export interface HuffmanSpec {
  /** How many codes there are of 1 to 16 bits. */
  readonly counts: Uint8Array;
  readonly symbols: Uint8Array;
}

/** How many bits the quick look-up takes. */
export const quickBits = 9;

export interface HuffmanDecoder {
  /** By the next `quickBits` bits: length * 256 + symbol; 0 where the code is longer. */
  readonly quick: Uint16Array;
  /** By length: the first code greater than all of that length, shifted to 16 bits. */
  readonly limits: Uint32Array;
  /** By length: what leads from a code to its symbol's place. */
  readonly offsets: Int32Array;
  readonly symbols: Uint8Array;
}

export interface HuffmanEncoder {
  /** By symbol; a length of 0 means that it has no code. */
  readonly codes: Uint16Array;
  readonly lengths: Uint8Array;
}

/** A table to decode with: T.81, annex C and F.2.2.3. Fails with unreadable for codes that cannot be. */
export function decoderOf({ counts, symbols }: HuffmanSpec): HuffmanDecoder {
  const quick = new Uint16Array(1 << quickBits);
  const limits = new Uint32Array(18);
  const offsets = new Int32Array(18);
  let code = 0;
  let place = 0;
  for (let length = 1; length <= 16; length++) {
    offsets[length] = place - code;
    for (let n = 0; n < counts[length - 1]!; n++, code++, place++) {
      if (code >= 1 << length) throw damaged("a Huffman table has too many codes");
      if (length > quickBits) continue;
      const from = code << (quickBits - length);
      quick.fill(length * 256 + symbols[place]!, from, from + (1 << (quickBits - length)));
    }
    limits[length] = code << (16 - length);
    code <<= 1;
  }
  return { quick, limits, offsets, symbols };
}

/** The same table to encode with. */
export function encoderOf({ counts, symbols }: HuffmanSpec): HuffmanEncoder {
  const codes = new Uint16Array(256);
  const lengths = new Uint8Array(256);
  let code = 0;
  let place = 0;
  for (let length = 1; length <= 16; length++) {
    for (let n = 0; n < counts[length - 1]!; n++, code++, place++) {
      codes[symbols[place]!] = code;
      lengths[symbols[place]!] = length;
    }
    code <<= 1;
  }
  return { codes, lengths };
}

/** The best table for symbols that occur so often, no code longer than 16 bits: T.81, K.2. */
export function bestTable(frequencies: Uint32Array): HuffmanSpec {
  // One symbol more, which is never used, keeps the code of ones alone free.
  const weights = Float64Array.from({ length: 257 }, (_, symbol) => (symbol === 256 ? 1 : frequencies[symbol]!));
  const sizes = new Uint16Array(257);
  const next = new Int16Array(257).fill(-1);
  for (;;) {
    let [least, second] = [-1, -1];
    for (let symbol = 0; symbol < 257; symbol++) {
      const weight = weights[symbol]!;
      if (weight === 0) continue;
      if (least < 0 || weight <= weights[least]!) [least, second] = [symbol, least];
      else if (second < 0 || weight <= weights[second]!) second = symbol;
    }
    if (second < 0) break;
    weights[least]! += weights[second]!;
    weights[second] = 0;
    let end = least;
    for (sizes[end]!++; next[end]! >= 0; sizes[end]!++) end = next[end]!;
    next[end] = second;
    for (end = second, sizes[end]!++; next[end]! >= 0; sizes[end]!++) end = next[end]!;
  }
  const counts = new Uint32Array(258);
  for (const size of sizes) if (size > 0) counts[size]!++;
  shorten(counts);
  const symbols: number[] = [];
  for (let size = 1; size <= 257; size++) {
    for (let symbol = 0; symbol < 256; symbol++) if (sizes[symbol] === size) symbols.push(symbol);
  }
  return { counts: Uint8Array.from(counts.subarray(1, 17)), symbols: Uint8Array.from(symbols) };
}

/** Brings all codes to at most 16 bits and takes out the one that must stay free: T.81, figure K.3. */
function shorten(counts: Uint32Array): void {
  for (let size = counts.length - 1; size > 16; size--) {
    while (counts[size]! > 0) {
      let shorter = size - 2;
      while (counts[shorter] === 0) shorter--;
      counts[size]! -= 2;
      counts[size - 1]!++;
      counts[shorter + 1]! += 2;
      counts[shorter]!--;
    }
  }
  let longest = 16;
  while (longest > 0 && counts[longest] === 0) longest--;
  counts[longest]!--;
}
