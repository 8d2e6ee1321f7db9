import { flipBits, type Mutation } from "./bytes.ts";
import { oddNumber, type Random } from "./random.ts";

interface Entry {
  readonly at: number;
  readonly tag: number;
}

interface Layout {
  readonly short: (file: Buffer, at: number, value?: number) => number;
  readonly long: (file: Buffer, at: number, value?: number) => number;
  readonly entries: readonly Entry[];
  /** Where each directory says where the next one is. */
  readonly links: readonly number[];
  readonly directories: readonly number[];
}

/** The directories of a classic TIFF: TIFF 6.0, section 2. */
function layoutOf(file: Buffer): Layout {
  const little = file[0] === 0x49;
  const short = (bytes: Buffer, at: number, value?: number) => {
    if (value !== undefined) little ? bytes.writeUInt16LE(value, at) : bytes.writeUInt16BE(value, at);
    return little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
  };
  const long = (bytes: Buffer, at: number, value?: number) => {
    if (value !== undefined) little ? bytes.writeUInt32LE(value, at) : bytes.writeUInt32BE(value, at);
    return little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  };
  const entries: Entry[] = [];
  const links: number[] = [];
  const directories: number[] = [];
  try {
    for (let at = long(file, 4); at !== 0 && directories.length < 20; at = long(file, links.at(-1)!)) {
      directories.push(at);
      const count = short(file, at);
      for (let index = 0; index < count; index++)
        entries.push({ at: at + 2 + 12 * index, tag: short(file, at + 2 + 12 * index) });
      links.push(at + 2 + 12 * count);
    }
  } catch (error) {
    // Mutated before: what is there counts.
    if (!(error instanceof RangeError)) throw error;
  }
  return { short, long, entries, links, directories };
}

const changeLayout =
  (change: (file: Buffer, layout: Layout, random: Random) => void): Mutation =>
  (file, random) => {
    const changed = Buffer.from(file);
    try {
      change(changed, layoutOf(changed), random);
    } catch (error) {
      // Beyond the file's end, after another mutation.
      if (!(error instanceof RangeError)) throw error;
    }
    return changed;
  };

/** Size, depth, compression, colours, strips, tiles and the like. */
const telling = [
  254, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 338, 339, 347, 530,
];
const compressions = [1, 2, 3, 4, 5, 6, 7, 8, 32_773, 32_946, 34_712, 50_000, 50_001];

function changeEntry(file: Buffer, { entries, short, long }: Layout, random: Random): void {
  const fitting = entries.filter(({ tag }) => telling.includes(tag));
  if (fitting.length === 0) return;
  const { at, tag } = random.pick(fitting);
  const field = random.below(5);
  if (field === 0) short(file, at, random.pick(telling));
  else if (field === 1) short(file, at + 2, random.pick([1, 2, 3, 4, 5, 16, 0]));
  else if (field === 2) long(file, at + 4, random.pick([0, 1, 2, oddNumber(random, 4)]));
  else if (tag === 259) short(file, at + 8, random.pick(compressions));
  else if (random.chance(0.6)) short(file, at + 8, random.between(0, 300));
  else long(file, at + 8, oddNumber(random, 4));
}

/** Directories that follow themselves, or one another in circles. */
function changeLink(file: Buffer, { links, directories, long }: Layout, random: Random): void {
  if (links.length > 0) long(file, random.pick(links), random.pick([...directories, 8, oddNumber(random, 4)]));
}

export const tiffMutations: readonly (readonly [number, Mutation])[] = [
  // Strips of pixels lie at the beginning of what libvips writes, directories at the end.
  [8, (file, random) => flipBits(8, Math.max(9, layoutOf(file).directories[0] ?? file.length), 12)(file, random)],
  [5, changeLayout(changeEntry)],
  [2, changeLayout(changeLink)],
  [1, flipBits(0, 8, 1)],
];
