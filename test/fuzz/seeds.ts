import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import type { Box } from "../../src/core/region.ts";
import type { ImageFormat } from "../../src/core/sniff.ts";
import { programPath } from "../../src/engine/program-path.ts";
import { gridOf, heifOf, pictureItem } from "../fixtures/heif.ts";
import { cmykJpeg, framesOf, orientedJpeg, png16 } from "../fixtures/odd-files.ts";
import { portraitPath } from "../fixtures/scenes.ts";

/** A whole picture with one face, from which others are made. */
export interface Seed {
  readonly name: string;
  readonly format: ImageFormat;
  readonly file: Buffer;
}

const cut = { left: 125, top: 20, width: 200, height: 200 };
const side = 112;
const scale = side / cut.width;
/** Well within the face of each seed, upright, pixels: brow to chin. */
export const innerFace: Box = {
  x: (196 - cut.left) * scale,
  y: (92 - cut.top) * scale,
  width: 58 * scale,
  height: 66 * scale,
};
/** The whole face, as a region that masks it. */
export const wholeFace: Box = {
  x: (170 - cut.left) * scale,
  y: (60 - cut.top) * scale,
  width: 110 * scale,
  height: 128 * scale,
};

/** Small pictures of each kind that veil takes; HEIC where `heif-enc` is here. */
export async function makeSeeds(): Promise<readonly Seed[]> {
  const png = await sharp(portraitPath).extract(cut).resize(side).removeAlpha().png().toBuffer();
  const as = (change: (picture: Sharp) => Sharp) => change(sharp(png)).toBuffer();
  const turned = await sharp(png).flop().toBuffer();
  const tile = (left: number) =>
    sharp(png)
      .extract({ left, top: 0, width: side / 2, height: side })
      .avif({ effort: 0 })
      .toBuffer();
  const tiles = (await Promise.all([tile(0), tile(side / 2)])).map(pictureItem);
  const files: Readonly<Record<string, Promise<Buffer> | Buffer>> = {
    "jpeg baseline": as((it) => it.jpeg({ quality: 80 })),
    "jpeg progressive": as((it) => it.jpeg({ progressive: true, chromaSubsampling: "4:4:4" })),
    "jpeg grey": as((it) => it.greyscale().jpeg()),
    "jpeg cmyk": cmykJpeg(png),
    "jpeg turned": orientedJpeg(png, 6),
    "jpeg with profile": as((it) => it.withIccProfile("p3").jpeg()),
    "png colour": png,
    "png interlaced": as((it) => it.png({ progressive: true })),
    "png palette": as((it) => it.png({ palette: true, colours: 32 })),
    "png alpha": as((it) => it.ensureAlpha(0.5).png()),
    "png 16 bits": png16(png),
    "webp lossy": as((it) => it.webp({ quality: 80 })),
    "webp lossless": as((it) => it.webp({ lossless: true })),
    "webp alpha": as((it) => it.ensureAlpha(0.6).webp()),
    "webp animated": framesOf([png, turned, png], "webp"),
    "gif still": as((it) => it.gif()),
    "gif animated": framesOf([png, turned, png], "gif"),
    "tiff lzw": as((it) => it.tiff({ compression: "lzw" })),
    "tiff deflate": as((it) => it.tiff({ compression: "deflate", predictor: "horizontal" })),
    "tiff jpeg": as((it) => it.tiff({ compression: "jpeg" })),
    "tiff plain": as((it) => it.tiff({ compression: "none" })),
    "tiff tiled": as((it) => it.tiff({ compression: "packbits", tile: true, tileWidth: 64, tileHeight: 64 })),
    "tiff fax": as((it) => it.threshold().toColourspace("b-w").tiff({ compression: "ccittfax4", bitdepth: 1 })),
    "tiff big": as((it) => it.tiff({ compression: "lzw", bigtiff: true })),
    "tiff pages": framesOf([png, turned], "tiff"),
    "avif colour": as((it) => it.avif({ effort: 0 })),
    "avif alpha": as((it) => it.ensureAlpha(0.5).avif({ effort: 0 })),
    "avif grid": heifOf(...gridOf(tiles, side, side)),
  };
  const made = Object.entries(files).map(async ([name, file]) => ({ name, format: formatOf(name), file: await file }));
  const heic = await heicOf(png);
  return [...(await Promise.all(made)), ...(heic ? [{ name: "heic", format: "heic" as const, file: heic }] : [])];
}

function formatOf(name: string): ImageFormat {
  return name.split(" ")[0] as ImageFormat;
}

async function heicOf(png: Buffer): Promise<Buffer | undefined> {
  if (programPath("heif-enc") === undefined) return undefined;
  const folder = await mkdtemp(join(tmpdir(), "veil-seed-"));
  try {
    await writeFile(join(folder, "a.png"), png);
    spawnSync("heif-enc", ["-q", "80", "-o", join(folder, "a.heic"), join(folder, "a.png")]);
    return await readFile(join(folder, "a.heic"));
  } finally {
    await rm(folder, { recursive: true });
  }
}
