/** Collects the bytes of a file. */
export interface ByteWriter {
  bytes(bytes: Uint8Array): void;
  /** A segment with its length: T.81, B.1.1.4. */
  segment(marker: number, payload: Uint8Array): void;
  /** Entropy-coded bits, the last one lowest; `count` is at most 16. */
  bits(value: number, count: number): void;
  /** Fills the last byte of a scan with ones. */
  align(): void;
  /** All that was written. */
  done(): Buffer;
}

/** Begins with room for `expected` bytes. */
export function createByteWriter(expected: number): ByteWriter {
  let data = Buffer.allocUnsafe(Math.max(1024, expected));
  let length = 0;
  let buffer = 0;
  let held = 0;

  function room(bytes: number): void {
    if (length + bytes <= data.length) return;
    const larger = Buffer.allocUnsafe(2 * (length + bytes));
    data.copy(larger, 0, 0, length);
    data = larger;
  }

  function bits(value: number, count: number): void {
    buffer = (buffer << count) | value;
    held += count;
    if (held < 8) return;
    if (length + 8 > data.length) room(8);
    while (held >= 8) {
      held -= 8;
      const byte = (buffer >>> held) & 255;
      data[length++] = byte;
      if (byte === 255) data[length++] = 0;
    }
  }

  function bytes(more: Uint8Array): void {
    room(more.length);
    data.set(more, length);
    length += more.length;
  }

  return {
    bytes,
    bits,
    segment(marker, payload) {
      const head = Buffer.from([0xff, marker, 0, 0]);
      head.writeUInt16BE(payload.length + 2, 2);
      bytes(head);
      bytes(payload);
    },
    align() {
      if (held > 0) bits((1 << (8 - held)) - 1, 8 - held);
      buffer = 0;
    },
    done: () => data.subarray(0, length),
  };
}
