import { flipBits, type Mutation } from "./bytes.ts";
import { oddNumber, type Random } from "./random.ts";

interface Box {
  readonly type: string;
  readonly at: number;
  readonly end: number;
  readonly content: number;
}

/** Boxes that hold boxes, and how many bytes come before those: ISO/IEC 14496-12. */
const holders: Readonly<Record<string, number>> = { meta: 4, iprp: 0, ipco: 0, iinf: 6, iref: 4, dinf: 0 };

function boxesOf(file: Buffer, from = 0, to = file.length): Box[] {
  const boxes: Box[] = [];
  for (let at = from; at + 8 <= to; ) {
    const size = file.readUInt32BE(at);
    if (size < 8 || at + size > to) break;
    const type = file.toString("latin1", at + 4, at + 8);
    const box = { type, at, end: at + size, content: at + 8 };
    boxes.push(box);
    if (type in holders) boxes.push(...boxesOf(file, box.content + holders[type]!, box.end));
    at += size;
  }
  return boxes;
}

const inBox =
  (fits: (type: string) => boolean, change: (file: Buffer, box: Box, random: Random) => Buffer): Mutation =>
  (file, random) => {
    const fitting = boxesOf(file).filter(({ type }) => fits(type));
    return fitting.length === 0 ? file : change(Buffer.from(file), random.pick(fitting), random);
  };

const flip =
  (most: number) =>
  (file: Buffer, { content, end }: Box, random: Random) =>
    flipBits(content, end, most)(file, random);

/** Width or height, behind version and flags. */
function changeSize(file: Buffer, { content }: Box, random: Random): Buffer {
  const value = random.chance(0.6) ? random.between(1, 300) : oddNumber(random, 4);
  file.writeUInt32BE(value, content + random.pick([4, 8]));
  return file;
}

function changeLength(file: Buffer, { at }: Box, random: Random): Buffer {
  file.writeUInt32BE(random.chance(0.5) ? random.below(200) : oddNumber(random, 4), at);
  return file;
}

const isProperty = (type: string) =>
  ["ispe", "pixi", "colr", "av1C", "hvcC", "irot", "imir", "clap", "pasp", "auxC"].includes(type);

export const heifMutations: readonly (readonly [number, Mutation])[] = [
  // What is coded lies there, and behind its headers nothing says that it is wrong.
  [
    9,
    inBox(
      (type) => type === "mdat",
      (file, { content, end }, random) => flipBits(Math.min(content + 40, end - 1), end, 4)(file, random),
    ),
  ],
  [2, inBox((type) => type === "mdat", flip(2))],
  [2, inBox((type) => type === "ispe", changeSize)],
  [2, inBox(isProperty, flip(2))],
  [2, inBox((type) => ["iloc", "pitm", "infe", "ipma", "iref", "ftyp", "hdlr"].includes(type), flip(1))],
  [1, inBox(() => true, changeLength)],
];
