import { flipBits, type Mutation } from "./bytes.ts";
import { oddNumber, type Random } from "./random.ts";

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
}

/** Chunks of a RIFF: RFC 9649. */
function chunksOf(file: Buffer): Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = 12; at + 8 <= file.length; ) {
    const length = file.readUInt32LE(at + 4);
    chunks.push({ type: file.toString("latin1", at, at + 4), data: file.subarray(at + 8, at + 8 + length) });
    at += 8 + length + (length & 1);
  }
  return chunks;
}

function fileOf(chunks: readonly Chunk[]): Buffer {
  const parts = chunks.map(({ type, data }) => {
    const head = Buffer.alloc(8);
    head.write(type, "latin1");
    head.writeUInt32LE(data.length, 4);
    return Buffer.concat([head, data, Buffer.alloc(data.length & 1)]);
  });
  const body = Buffer.concat([Buffer.from("WEBP"), ...parts]);
  const head = Buffer.alloc(8);
  head.write("RIFF", "latin1");
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body]);
}

const inChunk =
  (fits: (type: string) => boolean, change: (data: Buffer, random: Random) => Buffer): Mutation =>
  (file, random) => {
    const chunks = chunksOf(file);
    const fitting = chunks.filter(({ type }) => fits(type));
    if (fitting.length === 0) return file;
    const chosen = random.pick(fitting);
    return fileOf(
      chunks.map((chunk) =>
        chunk === chosen ? { type: chunk.type, data: change(Buffer.from(chunk.data), random) } : chunk,
      ),
    );
  };

const isPicture = (type: string) => ["VP8 ", "VP8L", "ALPH", "ANMF"].includes(type);
/** Behind the headers that say how large it is. */
const coded = (data: Buffer, random: Random) => flipBits(Math.min(data.length >> 1, 32), data.length, 6)(data, random);

const rearrange: Mutation = (file, random) => {
  const chunks = chunksOf(file);
  if (chunks.length === 0) return file;
  const at = random.below(chunks.length);
  const kind = random.below(3);
  if (kind === 0) return fileOf(chunks.toSpliced(at, 1));
  if (kind === 1) return fileOf(chunks.toSpliced(at, 0, ...Array<Chunk>(random.pick([1, 5, 60])).fill(chunks[at]!)));
  return fileOf(chunks.toSpliced(at, 1).toSpliced(random.below(chunks.length), 0, chunks[at]!));
};

export const webpMutations: readonly (readonly [number, Mutation])[] = [
  [8, inChunk(isPicture, coded)],
  [2, inChunk(isPicture, (data, random) => flipBits(0, 24, 2)(data, random))],
  [
    2,
    inChunk(
      (type) => type === "VP8X",
      (data, random) => flipBits(0, 10, 3)(data, random),
    ),
  ],
  // Where and how large a frame is, and how long it lasts.
  [
    2,
    inChunk(
      (type) => type === "ANMF",
      (data, random) => {
        data.writeUIntLE(random.chance(0.5) ? random.below(200) : oddNumber(random, 2), 3 * random.below(5), 3);
        return data;
      },
    ),
  ],
  [
    1,
    inChunk(
      (type) => type === "ANIM",
      (data, random) => flipBits(0, 6, 3)(data, random),
    ),
  ],
  [
    1,
    inChunk(
      () => true,
      (data, random) => data.subarray(0, random.below(data.length)),
    ),
  ],
  [
    1,
    (file, random) =>
      fileOf([
        ...chunksOf(file),
        { type: random.pick(["EXIF", "XMP ", "ICCP", "VP8 ", "ABCD"]), data: random.bytes(50) },
      ]),
  ],
  [2, rearrange],
];
