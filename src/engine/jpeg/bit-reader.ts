import { damaged } from "./damaged.ts";
import { type HuffmanDecoder, quickBits } from "./huffman.ts";

/** Reads the entropy-coded bytes of one scan; every verb fails with unreadable where they end too early. */
export interface BitReader {
  /** The next `count` (0 to 16) bits as a number. */
  bits(count: number): number;
  /** The next coefficient or difference of `size` bits: T.81, F.2.2.1. */
  signed(size: number): number;
  symbol(table: HuffmanDecoder): number;
  /** Passes over the restart marker that must come next. */
  restart(number: number): void;
  /** Where the scan's bytes have been read to: no byte before it belongs to what follows. */
  position(): number;
}

/** Begins at byte `start`. */
export function createBitReader(file: Uint8Array, start: number): BitReader {
  let at = start;
  /** The lowest `left` bits are still to be read. */
  let buffer = 0;
  let left = 0;

  function fill(): void {
    while (left <= 16) {
      const byte = file[at];
      if (byte === undefined) return;
      if (byte === 0xff) {
        // A marker: it stays, and no bits follow.
        if (file[at + 1] !== 0) return;
        at++;
      }
      at++;
      buffer = (buffer << 8) | byte;
      left += 8;
    }
  }

  function bits(count: number): number {
    if (left < count) fill();
    if (left < count) throw damaged("its data ends too early");
    left -= count;
    return (buffer >>> left) & ((1 << count) - 1);
  }

  return {
    bits,
    signed(size) {
      const value = bits(size);
      return size > 0 && value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
    },
    symbol({ quick, limits, offsets, symbols }) {
      if (left < 16) fill();
      const ahead = (left >= 16 ? buffer >>> (left - 16) : buffer << (16 - left)) & 0xffff;
      const hit = quick[ahead >>> (16 - quickBits)]!;
      let length = hit >>> 8;
      let symbol = hit & 255;
      if (length === 0) {
        length = quickBits + 1;
        while (length <= 16 && ahead >= limits[length]!) length++;
        const place = offsets[length]! + (ahead >>> (16 - length));
        if (length > 16 || place >= symbols.length) throw damaged("a code that is in no Huffman table");
        symbol = symbols[place]!;
      }
      if (length > left) throw damaged("its data ends too early");
      left -= length;
      return symbol;
    },
    restart(number) {
      if (left < 8) fill();
      if (left >= 8) throw damaged("bytes before a restart marker that belong to nothing");
      while (file[at] === 0xff && file[at + 1] === 0xff) at++;
      if (file[at] !== 0xff || file[at + 1] !== 0xd0 + number) throw damaged("a restart marker is missing");
      at += 2;
      left = 0;
    },
    position: () => at,
  };
}
