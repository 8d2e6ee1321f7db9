/**
 * How many bytes of a segment its own counts speak of, from behind its length; what is longer holds something else.
 * undefined: a marker without counts. ITU T.81, annex B.2.
 */
export function spokenFor(marker: number, bytes: Buffer): number | undefined {
  if (marker === 0xdd || marker === 0xdc) return 2;
  if (marker === 0xdb) return walk(bytes, (at) => (bytes.readUInt8(at) >> 4 === 0 ? 65 : 129));
  if (marker === 0xc4)
    return walk(bytes, (at) => 17 + bytes.subarray(at + 1, at + 17).reduce((sum, many) => sum + many, 0));
  if (marker === 0xcc) return undefined;
  if (marker >= 0xc0 && marker <= 0xcf) return 6 + 3 * bytes.readUInt8(5);
  if (marker === 0xda) return 4 + 2 * bytes.readUInt8(0);
  return undefined;
}

/** Tables one behind the other, as long as a whole one fits. */
function walk(bytes: Buffer, lengthAt: (at: number) => number): number {
  let at = 0;
  while (at < bytes.length) {
    const next = at + lengthAt(at);
    if (next > bytes.length) break;
    at = next;
  }
  return at;
}
