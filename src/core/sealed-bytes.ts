import { createCipheriv, createDecipheriv } from "node:crypto";
import { Problem } from "../errors.ts";

/** Of a key; each is for one file alone. */
export const sealKeyBytes = 32;

/*
 * Chunks by ChaCha20-Poly1305 (RFC 8439), which is fast on any processor; numbered, the last one marked: STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015). None can be
 * left out, moved, repeated or cut off, and each can be opened by itself.
 */
const algorithm = "chacha20-poly1305";
const chunkBytes = 65_536;
const tagBytes = 16;
const sealedChunk = chunkBytes + tagBytes;

/** How many bytes are sealed in so many. */
export function openedSize(sealed: number): number {
  return Math.max(0, sealed - tagBytes * Math.max(1, Math.ceil(sealed / sealedChunk)));
}

/** How many bytes so many become. */
export function sealedSize(plain: number): number {
  return plain + tagBytes * Math.max(1, Math.ceil(plain / chunkBytes));
}

/** Seals what comes, a chunk at a time; nothing is one chunk too. */
export async function* sealed(source: AsyncIterable<Uint8Array>, key: Uint8Array): AsyncGenerator<Buffer> {
  let index = 0;
  for await (const { chunk, isLast } of chunks(source, chunkBytes)) yield sealChunk(chunk, key, index++, isLast);
}

/** What was sealed. Problem unreadable where a byte is another one, or some are missing. */
export async function* opened(source: AsyncIterable<Uint8Array>, key: Uint8Array): AsyncGenerator<Buffer> {
  let index = 0;
  for await (const { chunk, isLast } of chunks(source, sealedChunk)) yield openChunk(chunk, key, index++, isLast);
}

/** The same of bytes in memory. */
export function sealBytes(bytes: Uint8Array, key: Uint8Array): Buffer {
  const parts = pieces(bytes, chunkBytes);
  return Buffer.concat(parts.map((chunk, index) => sealChunk(chunk, key, index, index === parts.length - 1)));
}

/** The same of sealed bytes in memory. Problem unreadable. */
export function openBytes(bytes: Uint8Array, key: Uint8Array): Buffer {
  const parts = pieces(bytes, sealedChunk);
  return Buffer.concat(parts.map((chunk, index) => openChunk(chunk, key, index, index === parts.length - 1)));
}

/** Where the chunks lie that hold these bytes of what is sealed, and how many bytes of them come before. */
export function sealedRange(
  start: number,
  end: number,
): { readonly from: number; readonly to: number; readonly skip: number } {
  const first = Math.floor(start / chunkBytes);
  const last = Math.floor(end / chunkBytes);
  return { from: first * sealedChunk, to: (last + 1) * sealedChunk - 1, skip: start - first * chunkBytes };
}

/** Opens whole chunks from that place of a sealed file of that size on. Problem unreadable. */
export function openRange(
  bytes: Uint8Array,
  key: Uint8Array,
  { from, size }: { readonly from: number; readonly size: number },
): Buffer {
  const first = from / sealedChunk;
  const last = Math.max(0, Math.ceil(size / sealedChunk) - 1);
  const parts = pieces(bytes, sealedChunk);
  return Buffer.concat(parts.map((chunk, index) => openChunk(chunk, key, first + index, first + index === last)));
}

function sealChunk(chunk: Uint8Array, key: Uint8Array, index: number, isLast: boolean): Buffer {
  const cipher = createCipheriv(algorithm, key, nonceOf(index, isLast), { authTagLength: tagBytes });
  return Buffer.concat([cipher.update(chunk), cipher.final(), cipher.getAuthTag()]);
}

function openChunk(chunk: Uint8Array, key: Uint8Array, index: number, isLast: boolean): Buffer {
  if (chunk.length < tagBytes) throw broken();
  const at = chunk.length - tagBytes;
  const decipher = createDecipheriv(algorithm, key, nonceOf(index, isLast), { authTagLength: tagBytes }).setAuthTag(
    chunk.subarray(at),
  );
  try {
    return Buffer.concat([decipher.update(chunk.subarray(0, at)), decipher.final()]);
  } catch (cause) {
    throw broken(cause);
  }
}

function nonceOf(index: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(index, 4, 6);
  nonce[11] = Number(isLast);
  return nonce;
}

function pieces(bytes: Uint8Array, size: number): readonly Uint8Array[] {
  const count = Math.max(1, Math.ceil(bytes.length / size));
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
}

/** Whole chunks and one that may be shorter, the last of them told apart. */
async function* chunks(source: AsyncIterable<Uint8Array>, size: number) {
  let held: Buffer = Buffer.alloc(0);
  for await (const part of source) {
    held = held.length === 0 ? Buffer.from(part.buffer, part.byteOffset, part.length) : Buffer.concat([held, part]);
    // One more byte has to be there: whether a chunk is the last one, only what follows tells.
    let at = 0;
    for (; held.length - at > size; at += size) yield { chunk: held.subarray(at, at + size), isLast: false };
    held = held.subarray(at);
  }
  yield { chunk: held, isLast: true };
}

function broken(cause?: unknown): Problem {
  return new Problem("unreadable", "A file that veil had sealed is not what it was", { cause });
}
