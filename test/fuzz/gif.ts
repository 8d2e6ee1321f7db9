import { flipBits, type Mutation } from "./bytes.ts";
import { oddNumber, type Random } from "./random.ts";

/** Where each block of a GIF begins: GIF89a, appendix A. */
function blocksOf(file: Buffer): { readonly head: Buffer; readonly blocks: readonly Buffer[] } {
  const table = (flags: number) => ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1));
  const start = 13 + table(file[10] ?? 0);
  const blocks: Buffer[] = [];
  const skipSubBlocks = (from: number) => {
    let at = from;
    while (at < file.length && file[at] !== 0) at += 1 + file[at]!;
    return at + 1;
  };
  for (let at = start; at < file.length && file[at] !== 0x3b; ) {
    const end =
      file[at] === 0x21
        ? skipSubBlocks(at + 2)
        : file[at] === 0x2c
          ? skipSubBlocks(at + 11 + table(file[at + 9] ?? 0))
          : file.length;
    blocks.push(file.subarray(at, end));
    at = end;
  }
  return { head: file.subarray(0, start), blocks };
}

const fileOf = (head: Buffer, blocks: readonly Buffer[]) => Buffer.concat([head, ...blocks, Buffer.from([0x3b])]);

const inBlock =
  (introducer: number, change: (block: Buffer, random: Random) => Buffer): Mutation =>
  (file, random) => {
    const { head, blocks } = blocksOf(file);
    const fitting = blocks.filter((block) => block[0] === introducer);
    if (fitting.length === 0) return file;
    const chosen = random.pick(fitting);
    return fileOf(
      head,
      blocks.map((block) => (block === chosen ? change(Buffer.from(block), random) : block)),
    );
  };

/** Place, size, or how it is coded. */
function changeDescriptor(block: Buffer, random: Random): Buffer {
  const field = random.below(6);
  if (field < 4) block.writeUInt16LE(random.chance(0.6) ? random.below(200) : oddNumber(random, 2), 1 + 2 * field);
  else if (field === 4) block[9]! ^= 1 << random.below(8);
  else block[10] = random.below(14);
  return block;
}

const rearrange: Mutation = (file, random) => {
  const { head, blocks } = blocksOf(file);
  if (blocks.length === 0) return file;
  const at = random.below(blocks.length);
  const kind = random.below(3);
  if (kind === 0) return fileOf(head, blocks.toSpliced(at, 1));
  const copies = Array<Buffer>(random.pick([1, 5, 60])).fill(blocks[at]!);
  if (kind === 1) return fileOf(head, blocks.toSpliced(at, 0, ...copies));
  return fileOf(head, blocks.toSpliced(at, 1).toSpliced(random.below(blocks.length), 0, blocks[at]!));
};

export const gifMutations: readonly (readonly [number, Mutation])[] = [
  [8, inBlock(0x2c, (block, random) => flipBits(12, block.length, 6)(block, random))],
  [4, inBlock(0x2c, changeDescriptor)],
  [2, inBlock(0x21, (block, random) => flipBits(1, block.length, 2)(block, random))],
  [
    2,
    (file, random) => {
      const changed = Buffer.from(file);
      changed.writeUInt16LE(random.chance(0.6) ? random.between(1, 300) : oddNumber(random, 2), random.pick([6, 8]));
      return changed;
    },
  ],
  [1, flipBits(10, 13, 2)],
  // Colours.
  [1, flipBits(13, 781, 20)],
  [3, rearrange],
];
