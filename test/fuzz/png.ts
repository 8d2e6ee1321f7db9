import { crc32, deflateSync, inflateSync } from "node:zlib";
import { flipBits, type Mutation } from "./bytes.ts";
import { oddNumber, type Random } from "./random.ts";

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
}

const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");

function chunksOf(file: Buffer): Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = 8; at + 12 <= file.length; ) {
    const length = file.readUInt32BE(at);
    chunks.push({ type: file.toString("latin1", at + 4, at + 8), data: file.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return chunks;
}

/** With checksums that are right: what is wrong is found by whoever reads it. */
export function pngOf(chunks: readonly Chunk[]): Buffer {
  const parts = chunks.map(({ type, data }) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  });
  return Buffer.concat([signature, ...parts]);
}

const inChunk =
  (wanted: string, change: (data: Buffer, random: Random) => Buffer): Mutation =>
  (file, random) => {
    const chunks = chunksOf(file);
    const at = chunks.findIndex(({ type }) => type === wanted);
    if (at < 0) return file;
    return pngOf(chunks.with(at, { type: wanted, data: change(Buffer.from(chunks[at]!.data), random) }));
  };

function changeHeader(data: Buffer, random: Random): Buffer {
  const field = random.below(5);
  if (field <= 1) data.writeUInt32BE(random.chance(0.6) ? random.between(1, 300) : oddNumber(random, 4), 4 * field);
  else if (field === 2) data[8] = random.pick([1, 2, 4, 8, 16, 0, 3]);
  else if (field === 3) data[9] = random.pick([0, 2, 3, 4, 6, 1, 5]);
  else data[12] = random.pick([0, 1, 2]);
  return data;
}

/** Unpacks the rows, changes them, filters included, and packs them again: all of it comes to the pixel decoder. */
const rows =
  (change: (raw: Buffer, random: Random) => Buffer): Mutation =>
  (file, random) => {
    const chunks = chunksOf(file);
    const packed = Buffer.concat(chunks.filter(({ type }) => type === "IDAT").map(({ data }) => data));
    let raw: Buffer;
    try {
      raw = inflateSync(packed, { maxOutputLength: 2 ** 22 });
    } catch {
      return file;
    }
    const data = deflateSync(change(raw, random), { level: random.pick([0, 1, 9]) });
    const cut = random.chance(0.3) ? random.below(data.length) : data.length;
    const pieces = [data.subarray(0, cut), data.subarray(cut)].filter((piece) => piece.length > 0);
    const at = chunks.findIndex(({ type }) => type === "IDAT");
    const others = chunks.filter(({ type }) => type !== "IDAT");
    return pngOf(others.toSpliced(at, 0, ...pieces.map((piece) => ({ type: "IDAT", data: piece }))));
  };

const extra = (random: Random): Chunk =>
  random.pick<() => Chunk>([
    () => ({ type: "tRNS", data: random.bytes(random.pick([1, 2, 6, 256, 300])) }),
    () => ({ type: "PLTE", data: random.bytes(random.pick([3, 9, 768, 5])) }),
    () => ({ type: "gAMA", data: random.bytes(4) }),
    () => ({ type: "eXIf", data: random.bytes(random.between(0, 200)) }),
    () => ({
      type: "iCCP",
      data: Buffer.concat([Buffer.from("p\0\0"), deflateSync(Buffer.alloc(random.pick([200, 4_000_000])))]),
    }),
    () => ({
      type: "zTXt",
      data: Buffer.concat([Buffer.from("t\0\0"), deflateSync(Buffer.alloc(random.pick([200, 8_000_000])))]),
    }),
    () => ({ type: "acTL", data: random.bytes(8) }),
    () => ({ type: "sBIT", data: random.bytes(random.between(1, 4)) }),
    () => ({ type: "bKGD", data: random.bytes(random.pick([1, 2, 6])) }),
    () => ({
      type: String.fromCharCode(...Array.from({ length: 4 }, () => random.between(65, 122))),
      data: random.bytes(20),
    }),
  ])();

const rearrange: Mutation = (file, random) => {
  const chunks = chunksOf(file);
  if (chunks.length === 0) return file;
  const at = random.below(chunks.length);
  const kind = random.below(3);
  if (kind === 0) return pngOf(chunks.toSpliced(at, 1));
  if (kind === 1) return pngOf(chunks.toSpliced(at, 0, ...Array<Chunk>(random.pick([1, 30])).fill(chunks[at]!)));
  return pngOf(chunks.toSpliced(at, 1).toSpliced(random.below(chunks.length), 0, chunks[at]!));
};

export const pngMutations: readonly (readonly [number, Mutation])[] = [
  [6, rows((raw, random) => flipBits(0, raw.length, 40)(raw, random))],
  [2, rows((raw, random) => raw.subarray(0, random.below(raw.length)))],
  [1, rows((raw, random) => Buffer.concat([raw, random.bytes(random.between(1, 2000))]))],
  [3, inChunk("IHDR", changeHeader)],
  [2, inChunk("IDAT", (data, random) => flipBits(2, data.length, 3)(data, random))],
  [1, inChunk("PLTE", (data, random) => data.subarray(0, random.below(data.length)))],
  [
    4,
    (file, random) => {
      const chunks = chunksOf(file);
      return pngOf(chunks.toSpliced(random.between(1, Math.max(1, chunks.length - 1)), 0, extra(random)));
    },
  ],
  [2, rearrange],
];
