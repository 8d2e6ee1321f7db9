import { readFile, stat } from "node:fs/promises";
import sharp, { type Metadata } from "sharp";
import type { Limits, PictureFile } from "../core/media.ts";
import { openBytes, openedSize } from "../core/sealed-bytes.ts";
import { headBytes, type ImageFormat, nameOf, recognise } from "../core/sniff.ts";
import { Problem } from "../errors.ts";
import { rgbOrRgba } from "./channels.ts";
import { keptProfile } from "./colour-profile.ts";
import { refuseLarge } from "./file-size.ts";
import { decodeHeic } from "./heic.ts";
import { type KeepableMetadata, readMetadata } from "./kept-metadata.ts";
import { type Strip, turnFrames } from "./orient.ts";
import { refusePassedOver } from "./passed-over.ts";
import { residueOf } from "./residue.ts";

/** What encoding needs to know of the original. */
export interface Original {
  readonly format: ImageFormat;
  readonly grey: boolean;
  /** Whether it has an alpha channel; the pixels have one only where it hides something. */
  readonly alpha: boolean;
  /** The ICC profile that the pixels are still in; absent: they are sRGB. */
  readonly icc?: Buffer;
  readonly chromaSubsampling?: string;
  readonly progressive: boolean;
  readonly lossless: boolean;
  readonly compression?: string;
  /** Milliseconds by frame. */
  readonly delay?: readonly number[];
  readonly loop?: number;
  /** What of the file the pixels do not hold as it is, in words; absent: they are the file's own. */
  readonly inexact?: string;
  /** What a policy may keep of it: typed values, no block of bytes. */
  readonly metadata: KeepableMetadata;
}

/** Upright 8-bit pixels. */
export interface Decoded extends Strip {
  readonly original: Original;
  /** Of a JPEG, for the option lossless: the whole file, and its EXIF orientation, 1 to 8. */
  readonly jpeg?: { readonly file: Buffer; readonly orientation: number };
}

// libvips' loaders for formats that veil doesn't mask stay out of reach of hostile files.
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({
  operation: [
    "VipsForeignLoadJpeg",
    "VipsForeignLoadPng",
    "VipsForeignLoadWebp",
    "VipsForeignLoadNsgif",
    "VipsForeignLoadTiff",
    "VipsForeignLoadHeif",
  ],
});
sharp.cache(false);
sharp.concurrency(1);

/** Reads a file as upright pixels, within the limits; `scratch` takes intermediate files. Problems: unsupported, not-an-image, unreadable, too-*. */
export async function decode({ path, key }: PictureFile, limits: Limits, scratch: string): Promise<Decoded> {
  const { size } = await stat(path);
  refuseLarge(key === undefined ? size : openedSize(size), limits);
  const stored = await readFile(path);
  const file = key === undefined ? stored : openBytes(stored, key);
  const format = imageFormatOf(file);
  try {
    return await decodeAs(format, file, limits, scratch);
  } catch (error) {
    if (error instanceof Problem) throw error;
    if (/page \d+ differs/.test(firstLine(error))) {
      throw new Problem("unsupported", "unsupported: TIFF with pages of different sizes", {
        remedy: "Split it into single pages.",
        cause: error,
      });
    }
    throw unreadable(`The ${format} file could not be decoded`, error);
  }
}

function imageFormatOf(file: Buffer): ImageFormat {
  const recognised = recognise(file.subarray(0, headBytes));
  if (recognised.kind === "image") return recognised.format;
  if (recognised.kind === "unsupported") {
    throw new Problem("unsupported", `unsupported: ${recognised.name}`, { remedy: "Convert it to JPEG or PNG first." });
  }
  const name = nameOf(recognised);
  if (name.startsWith("video")) throw new Problem("unsupported", `video not supported yet: ${name}`);
  throw new Problem("not-an-image", `Expected a picture but received: ${name}`);
}

async function decodeAs(format: ImageFormat, file: Buffer, limits: Limits, scratch: string): Promise<Decoded> {
  refusePassedOver(file, format);
  const header = await sharp(file, { failOn: "error", limitInputPixels: false })
    .metadata()
    .catch((error: unknown) => {
      throw unreadable(`The ${format} file has no header that can be read`, error);
    });
  const frames = format === "avif" || format === "heic" ? 1 : (header.pages ?? 1);
  checkLimits(header.width, header.pageHeight ?? header.height, frames, limits);
  // libvips counts the tiles of a picture too; a picture beside it must not vanish in silence.
  const tiled = format === "avif" && (header.pages ?? 1) > 1;
  if (tiled && (header.pagePrimary === undefined || residueOf(file).findings.some(({ picture }) => picture))) {
    throw new Problem("unsupported", "unsupported: AVIF with several pictures", {
      remedy: "Export its pictures one by one.",
    });
  }

  // libheif has turned the picture already when it hands over the pixels.
  const pixels = format === "heic" ? await decodeHeic(file, scratch) : file;
  // Sound profiles of RGB pictures travel unchanged beside unchanged values; everything else is brought to sRGB.
  const rgb = header.space === "srgb" || header.space === "rgb" || header.space === "rgb16";
  const icc = rgb && frames === 1 ? keptProfile(header.icc) : undefined;
  const grey = header.space === "b-w" || header.space === "grey16";
  const turned = format !== "heic" && frames === 1;
  const image = sharp(pixels, {
    failOn: "error",
    limitInputPixels: limits.maxPixels,
    pages: frames === 1 ? 1 : -1,
    ...(tiled && { page: header.pagePrimary ?? 0 }),
    ignoreIcc: icc !== undefined,
    autoOrient: turned,
  });
  // It comes out as JPEG, which has no alpha: what is looked at is what will be seen.
  const seen = format === "heic" ? image.flatten() : image;
  const { data, info } = await seen.toColourspace("srgb").raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });

  const inexact = inexactness(header, icc);
  const decoded: Decoded = {
    ...rgbOrRgba(data, info.channels),
    width: info.width,
    height: info.height / frames,
    frames,
    original: {
      format,
      grey,
      alpha: header.hasAlpha,
      ...(icc && { icc }),
      ...(header.chromaSubsampling && { chromaSubsampling: header.chromaSubsampling }),
      progressive: header.isProgressive,
      lossless: format === "webp" && file.subarray(0, headBytes).includes("VP8L"),
      ...(header.compression && { compression: header.compression }),
      ...(header.delay && { delay: header.delay }),
      ...(header.loop !== undefined && { loop: header.loop }),
      ...(inexact !== undefined && { inexact }),
      metadata: header.exif === undefined ? { words: {} } : readMetadata(header.exif),
    },
    ...(format === "jpeg" && { jpeg: { file, orientation: header.orientation ?? 1 } }),
  };
  return turned || format === "heic" ? decoded : turnFrames(decoded, header.orientation ?? 1);
}

function inexactness({ depth, space, icc }: Metadata, kept: Buffer | undefined): string | undefined {
  if (space === "cmyk") return "in CMYK";
  if (depth !== "uchar") return "of more than 8 bits a channel";
  if (space !== "srgb" && space !== "rgb" && space !== "b-w") return `in the colour space ${space}`;
  return icc !== undefined && kept === undefined ? "with a colour profile that veil does not keep" : undefined;
}

function checkLimits(width: number, height: number, frames: number, limits: Limits): void {
  if (frames > limits.maxFrames) {
    throw new Problem("too-many-frames", `Expected at most ${limits.maxFrames} frames but received ${frames}`, {
      remedy: "Raise limits.maxFrames, or split the animation.",
    });
  }
  const pixels = width * height * frames;
  if (pixels > limits.maxPixels) {
    const size = `${width}x${height}${frames > 1 ? ` in ${frames} frames` : ""}`;
    throw new Problem(
      "too-many-pixels",
      `Expected at most ${limits.maxPixels} pixels but received ${pixels} (${size})`,
      {
        remedy: "Raise limits.maxPixels (and engine.memoryMb with it), or send a smaller picture.",
      },
    );
  }
}

function unreadable(what: string, cause: unknown): Problem {
  const remedy = "Check that the file is whole and opens elsewhere; export it again.";
  return new Problem("unreadable", `${what}: ${firstLine(cause)}`, { remedy, cause });
}

/** Decoders quote what lies in the file, which may move a terminal's cursor or fill a log. */
function firstLine(error: unknown): string {
  const [first = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  return first.replace(/[^\x20-\x7e]/g, "?").slice(0, 200);
}
