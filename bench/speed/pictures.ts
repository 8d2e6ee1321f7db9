import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { crowd } from "../../test/fixtures/scenes.ts";

export interface Size {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly count: number;
}

/** Sizes of photographs that people have, and how many of each make a run of some seconds. */
export const sizes: readonly Size[] = [
  { name: "1 MP", width: 1152, height: 864, count: 60 },
  { name: "1080p", width: 1920, height: 1080, count: 40 },
  { name: "12 MP", width: 4000, height: 3000, count: 12 },
];

/**
 * JPEGs of quality 92 and of this size in a new folder: photographs from `photos`, cut and resized, or without it crowds
 * made of the repository's portrait. Answers the folder.
 */
export async function makePictures(root: string, size: Size, photos: string | undefined): Promise<string> {
  const folder = join(root, size.name.replace(" ", ""));
  await mkdir(folder, { recursive: true });
  const sources = photos === undefined ? [] : (await readdir(photos)).filter((name) => /\.jpe?g$/i.test(name)).sort();
  const step = Math.max(1, Math.floor(sources.length / size.count));
  for (let index = 0; index < size.count; index++) {
    const source = sources[(index * step) % Math.max(1, sources.length)];
    const picture = source === undefined ? await composed(index) : join(photos!, source);
    await sharp(picture)
      .resize(size.width, size.height, { fit: "cover" })
      .jpeg({ quality: 92 })
      .toFile(join(folder, `${String(index).padStart(3, "0")}.jpg`));
  }
  return folder;
}

async function composed(index: number): Promise<Buffer> {
  const heights = Array.from({ length: 4 + (index % 9) }, (_, face) => 40 + ((index * 37 + face * 53) % 160));
  return (await crowd(heights)).png;
}
