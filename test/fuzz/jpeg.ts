import { flipBits, type Mutation } from "./bytes.ts";
import { oddNumber, type Random } from "./random.ts";

interface Segment {
  readonly marker: number;
  /** With marker and length; of a scan its entropy-coded data too. */
  readonly bytes: Buffer;
}

/** A JPEG from its start to its end, scan data with the SOS before it: ITU-T T.81, B.1. */
function segmentsOf(file: Buffer): Segment[] {
  const segments: Segment[] = [];
  let at = 2;
  while (at + 4 <= file.length && file[at] === 0xff) {
    const marker = file[at + 1]!;
    if (marker === 0xd9) break;
    let end = at + 2 + file.readUInt16BE(at + 2);
    if (marker === 0xda) {
      while (end + 1 < file.length && !(file[end] === 0xff && file[end + 1] !== 0 && (file[end + 1]! & 0xf8) !== 0xd0))
        end++;
    }
    segments.push({ marker, bytes: file.subarray(at, end) });
    at = end;
  }
  return segments;
}

function fileOf(segments: readonly Segment[]): Buffer {
  return Buffer.concat([Buffer.from([0xff, 0xd8]), ...segments.map(({ bytes }) => bytes), Buffer.from([0xff, 0xd9])]);
}

function segment(marker: number, payload: Buffer): Segment {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(Math.min(65_535, payload.length + 2), 2);
  return { marker, bytes: Buffer.concat([head, payload]) };
}

const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/** Changes one segment that fits; the file stays as it is where none does. */
const inSegment =
  (fits: (marker: number) => boolean, change: (bytes: Buffer, random: Random) => Buffer): Mutation =>
  (file, random) => {
    const segments = segmentsOf(file);
    const fitting = segments.filter(({ marker }) => fits(marker));
    if (fitting.length === 0) return file;
    const chosen = random.pick(fitting);
    const changed = segments.map((one) =>
      one === chosen ? { marker: one.marker, bytes: change(Buffer.from(one.bytes), random) } : one,
    );
    return fileOf(changed);
  };

const anyBytes = (from: number, most: number) => (bytes: Buffer, random: Random) =>
  flipBits(from, bytes.length, most)(bytes, random);

/** Height, width, precision, components or sampling: B.2.2. */
function changeFrame(bytes: Buffer, random: Random): Buffer {
  const field = random.below(4);
  if (field === 0) bytes.writeUInt16BE(random.chance(0.5) ? random.between(1, 400) : oddNumber(random, 2), 5);
  else if (field === 1) bytes.writeUInt16BE(random.chance(0.5) ? random.between(1, 400) : oddNumber(random, 2), 7);
  else if (field === 2) bytes[4] = random.pick([8, 12, 16, 2]);
  else if (bytes.length > 11)
    bytes[11 + 3 * random.below(Math.floor((bytes.length - 10) / 3))] = random.pick([
      0x11, 0x22, 0x12, 0x21, 0x41, 0x44, 0,
    ]);
  return bytes;
}

/** EXIF that lies: odd orientations, offsets and counts. */
function lyingExif(random: Random): Segment {
  const directory = Buffer.alloc(2 + 12 * 3 + 4);
  directory.writeUInt16LE(random.pick([3, 3, 0, 65_535]), 0);
  for (const [index, tag] of [0x0112, 0x8769, 0x0201].entries()) {
    const at = 2 + 12 * index;
    directory.writeUInt16LE(tag, at);
    directory.writeUInt16LE(random.pick([3, 4, 0, 12, 99]), at + 2);
    directory.writeUInt32LE(random.pick([1, 1, oddNumber(random, 4)]), at + 4);
    directory.writeUInt32LE(random.pick([random.between(0, 9), 8, oddNumber(random, 4)]), at + 8);
  }
  directory.writeUInt32LE(random.pick([0, 8, oddNumber(random, 4)]), directory.length - 4);
  return segment(0xe1, Buffer.concat([Buffer.from("Exif\0\0II*\0\x08\0\0\0", "latin1"), directory]));
}

const insert =
  (make: (random: Random) => Segment): Mutation =>
  (file, random) => {
    const segments = segmentsOf(file);
    return fileOf(segments.toSpliced(random.below(Math.max(1, segments.length)), 0, make(random)));
  };

const rearrange: Mutation = (file, random) => {
  const segments = segmentsOf(file);
  if (segments.length < 2) return file;
  const at = random.below(segments.length);
  const kind = random.below(3);
  if (kind === 0) return fileOf(segments.toSpliced(at, 1));
  const copies = Array<Segment>(random.pick([1, 2, 40])).fill(segments[at]!);
  if (kind === 1) return fileOf(segments.toSpliced(at, 0, ...copies));
  return fileOf(segments.toSpliced(at, 1).toSpliced(random.below(segments.length), 0, segments[at]!));
};

export const jpegMutations: readonly (readonly [number, Mutation])[] = [
  // What an entropy decoder makes of wrong bits.
  [
    8,
    inSegment(
      (marker) => marker === 0xda,
      (bytes, random) => anyBytes(Math.min(14, bytes.length - 1), 6)(bytes, random),
    ),
  ],
  [2, inSegment((marker) => marker === 0xda, anyBytes(4, 1))],
  [3, inSegment((marker) => marker === 0xc4, anyBytes(4, 2))],
  [3, inSegment((marker) => marker === 0xdb, anyBytes(5, 6))],
  [3, inSegment(isFrame, changeFrame)],
  [1, inSegment((marker) => marker >= 0xe0, anyBytes(4, 8))],
  [1, inSegment(() => true, anyBytes(2, 1))],
  [2, insert(lyingExif)],
  [1, insert((random) => segment(0xdd, Buffer.from([random.below(256), random.below(256)])))],
  [1, insert((random) => segment(random.pick([0xe2, 0xec, 0xed, 0xee, 0xfe]), random.bytes(random.between(0, 300))))],
  [2, rearrange],
];
