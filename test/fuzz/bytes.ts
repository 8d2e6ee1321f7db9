import { oddNumber, type Random } from "./random.ts";

/** One change of a file; answers another one and leaves its own as it is. */
export type Mutation = (file: Buffer, random: Random) => Buffer;

/** A few bits within a range, which is the whole file unless told. */
export const flipBits =
  (from = 0, to = Number.POSITIVE_INFINITY, most = 8): Mutation =>
  (file, random) => {
    const changed = Buffer.from(file);
    const end = Math.min(to, file.length);
    for (let count = random.between(1, most); count > 0; count--) {
      const at = random.between(from, Math.max(from, end - 1));
      if (at < changed.length) changed[at]! ^= 1 << random.below(8);
    }
    return changed;
  };

/** A number at which programs break, in either order of bytes. */
export const writeOdd: Mutation = (file, random) => {
  const changed = Buffer.from(file);
  const size = random.pick([1, 2, 4] as const);
  if (file.length < size) return changed;
  const at = random.below(file.length - size + 1);
  const value = oddNumber(random, size);
  if (random.chance(0.5)) changed.writeUIntBE(value, at, size);
  else changed.writeUIntLE(value, at, size);
  return changed;
};

export const truncate: Mutation = (file, random) => file.subarray(0, random.below(file.length));

/** Of the end no more than a little, so that most of the picture is there. */
export const cutTail: Mutation = (file, random) =>
  file.subarray(0, file.length - random.between(1, Math.max(1, Math.min(64, file.length >> 3))));

export const appendJunk: Mutation = (file, random) => Buffer.concat([file, random.bytes(random.between(1, 300))]);

export const remove: Mutation = (file, random) => {
  const at = random.below(file.length);
  return Buffer.concat([file.subarray(0, at), file.subarray(at + random.between(1, 64))]);
};

export const repeat: Mutation = (file, random) => {
  const at = random.below(file.length);
  const part = file.subarray(at, at + random.between(1, 400));
  const times = random.between(1, 12);
  return Buffer.concat([file.subarray(0, at), ...Array<Buffer>(times).fill(part), file.subarray(at)]);
};

export const insertJunk: Mutation = (file, random) => {
  const at = random.below(file.length);
  return Buffer.concat([file.subarray(0, at), random.bytes(random.between(1, 64)), file.subarray(at)]);
};

export const zero: Mutation = (file, random) => {
  const at = random.below(file.length);
  return Buffer.from(file).fill(random.pick([0, 255]), at, at + random.between(1, 200));
};

/** What knows nothing of formats; weights are how often each is taken. */
export const anywhere: readonly (readonly [number, Mutation])[] = [
  [3, flipBits()],
  [2, writeOdd],
  [1, truncate],
  [1, cutTail],
  [1, appendJunk],
  [1, remove],
  [1, repeat],
  [1, insertJunk],
  [1, zero],
];

/** The beginning of one file and the end of another. */
export function splice(one: Buffer, other: Buffer, random: Random): Buffer {
  return Buffer.concat([one.subarray(0, random.below(one.length)), other.subarray(random.below(other.length))]);
}

/** Bytes of several formats in one file. */
export function polyglot(file: Buffer, other: Buffer, random: Random): Buffer {
  const html = Buffer.from("<!doctype html><script>fetch('http://example.org')</script>");
  const zip = Buffer.from([0x50, 0x4b, 5, 6, ...Array<number>(18).fill(0)]);
  const pdf = Buffer.from("%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n");
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>');
  const guest = random.pick([html, zip, pdf, svg, other]);
  return random.chance(0.75) ? Buffer.concat([file, guest]) : Buffer.concat([guest, file]);
}
