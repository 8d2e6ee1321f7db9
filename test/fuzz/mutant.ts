import type { ImageFormat } from "../../src/core/sniff.ts";
import { anywhere, type Mutation, polyglot, splice, truncate } from "./bytes.ts";
import { gifMutations } from "./gif.ts";
import { heifMutations } from "./heif.ts";
import { jpegMutations } from "./jpeg.ts";
import { pngMutations } from "./png.ts";
import { createRandom, type Random } from "./random.ts";
import type { Seed } from "./seeds.ts";
import { tiffMutations } from "./tiff.ts";
import { webpMutations } from "./webp.ts";

const byFormat: Readonly<Record<ImageFormat, readonly (readonly [number, Mutation])[]>> = {
  jpeg: jpegMutations,
  png: pngMutations,
  webp: webpMutations,
  gif: gifMutations,
  tiff: tiffMutations,
  avif: heifMutations,
  heic: heifMutations,
};

/** A damaged or forged file; `of` is the seed that it was made from. */
export interface Mutant {
  readonly of: Seed;
  readonly file: Buffer;
}

/** The one of this number in the row that a seed begins: the same numbers give the same bytes. */
export function mutant(seeds: readonly Seed[], row: number, number: number): Mutant {
  const random = createRandom(Math.imul(row, 0x9e3779b1) ^ number);
  const of = seeds[number % seeds.length]!;
  const fitting = byFormat[of.format];
  const kind = random.weighted([
    [74, "format"],
    [10, "anywhere"],
    [6, "splice"],
    [5, "polyglot"],
    [5, "truncate"],
  ] as const);
  const related = random.pick(seeds.filter(({ format }) => format === of.format || random.chance(0.1)));
  switch (kind) {
    case "format": {
      let { file } = of;
      for (let left = random.pick([1, 1, 1, 2, 3]); left > 0; left--)
        file = changed(random.weighted(fitting), file, random);
      return { of, file };
    }
    case "anywhere":
      return { of, file: changed(random.weighted(anywhere), of.file, random) };
    case "splice":
      return { of, file: splice(of.file, related.file, random) };
    case "polyglot":
      return { of, file: polyglot(of.file, related.file, random) };
    case "truncate":
      return { of, file: truncate(of.file, random) };
  }
}

/** A file that was changed before may have no room for another change. */
function changed(mutation: Mutation, file: Buffer, random: Random): Buffer {
  try {
    return mutation(file, random);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return file;
  }
}
