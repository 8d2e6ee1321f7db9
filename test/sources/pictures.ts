/** Bytes with a JPEG's first and last marks, and so many between. */
export function jpegOf(bytes: number, fill = 1): Buffer {
  return Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(bytes, fill), Buffer.from([0xff, 0xd9])]);
}
