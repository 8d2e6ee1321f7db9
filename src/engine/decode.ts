import { readFile, stat } from "node:fs/promises";
import sharp from "sharp";
import type { Limits } from "../core/media.ts";
import { headBytes, type ImageFormat, nameOf, recognise } from "../core/sniff.ts";
import { Problem } from "../errors.ts";
import { decodeHeic } from "./heic.ts";

/** What encoding needs to know of the original; never its metadata. */
export interface Original {
  readonly format: ImageFormat;
  readonly grey: boolean;
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
}

/** Upright 8-bit pixels of all frames, one below the other. */
export interface Decoded {
  readonly data: Buffer;
  readonly width: number;
  /** Of one frame. */
  readonly height: number;
  readonly channels: 3 | 4;
  readonly frames: number;
  readonly original: Original;
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

/** Reads a file as upright pixels, within the limits; `spool` takes intermediate files. Problems: unsupported, not-an-image, unreadable, too-*. */
export async function decode(path: string, limits: Limits, spool: string): Promise<Decoded> {
  const { size } = await stat(path);
  if (size > limits.maxBytes) {
    throw new Problem("too-large", `Expected at most ${limits.maxBytes} bytes but received ${size}`, {
      remedy: "Raise limits.maxBytes, or send a smaller file.",
    });
  }
  const file = await readFile(path);
  const format = imageFormatOf(file);
  try {
    return await decodeAs(format, file, path, limits, spool);
  } catch (error) {
    if (error instanceof Problem) throw error;
    if (/page \d+ differs/.test(firstLine(error))) {
      throw new Problem("unsupported", "unsupported: TIFF with pages of different sizes", {
        remedy: "Split it into single pages.",
        cause: error,
      });
    }
    throw new Problem("unreadable", `The ${format} file could not be decoded: ${firstLine(error)}`, {
      remedy: "Check that the file is whole and opens elsewhere; export it again.",
      cause: error,
    });
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

async function decodeAs(
  format: ImageFormat,
  file: Buffer,
  path: string,
  limits: Limits,
  spool: string,
): Promise<Decoded> {
  const header = await sharp(file, { failOn: "error", limitInputPixels: false }).metadata();
  const frames = format === "avif" || format === "heic" ? 1 : (header.pages ?? 1);
  checkLimits(header.width, header.pageHeight ?? header.height, frames, limits);
  // libvips would hand over the first picture alone: frames must not vanish in silence.
  if (format === "avif" && (header.pages ?? 1) > 1) throw new Problem("unsupported", "unsupported: animated AVIF");
  if (format === "png" && file.subarray(0, headBytes).includes("acTL")) {
    throw new Problem("unsupported", "unsupported: animated PNG");
  }

  // libheif has turned the picture already when it hands over the pixels.
  const pixels = format === "heic" ? await decodeHeic(path, spool) : file;
  // Profiles of RGB pictures travel unchanged beside unchanged values; everything else is brought to sRGB.
  const rgb = header.space === "srgb" || header.space === "rgb" || header.space === "rgb16";
  const icc = rgb && frames === 1 ? header.icc : undefined;
  const grey = header.space === "b-w" || header.space === "grey16";
  const turned = format !== "heic" && frames === 1;
  const { data, info } = await sharp(pixels, {
    failOn: "error",
    limitInputPixels: limits.maxPixels,
    pages: frames === 1 ? 1 : -1,
    ignoreIcc: icc !== undefined,
    autoOrient: turned,
  })
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });

  const decoded: Decoded = {
    ...expandGrey(data, info.channels),
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
    },
  };
  return turned || format === "heic" ? decoded : turnFrames(decoded, header.orientation ?? 1);
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

function expandGrey(data: Buffer, channels: number): { data: Buffer; channels: 3 | 4 } {
  if (channels === 3 || channels === 4) return { data, channels };
  if (channels !== 1 && channels !== 2) throw new Problem("unsupported", `unsupported: ${channels} colour channels`);
  const wide = channels === 1 ? 3 : 4;
  const count = data.length / channels;
  const expanded = Buffer.allocUnsafe(count * wide);
  for (let i = 0; i < count; i++) {
    expanded.fill(data[i * channels]!, i * wide, i * wide + 3);
    if (wide === 4) expanded[i * wide + 3] = data[i * channels + 1]!;
  }
  return { data: expanded, channels: wide };
}

/** EXIF orientation of an animation, frame by frame: sharp turns single pictures only. */
async function turnFrames(decoded: Decoded, orientation: number): Promise<Decoded> {
  const turns: Record<number, { mirror: boolean; angle: number }> = {
    2: { mirror: true, angle: 0 },
    3: { mirror: false, angle: 180 },
    4: { mirror: true, angle: 180 },
    5: { mirror: true, angle: 270 },
    6: { mirror: false, angle: 90 },
    7: { mirror: true, angle: 90 },
    8: { mirror: false, angle: 270 },
  };
  const turn = turns[orientation];
  if (turn === undefined) return decoded;
  const { width, height, channels, frames } = decoded;
  const bytes = width * height * channels;
  const parts: Buffer[] = [];
  for (let frame = 0; frame < frames; frame++) {
    const raw = { width, height, channels };
    const part = sharp(decoded.data.subarray(frame * bytes, (frame + 1) * bytes), { raw });
    const mirrored = turn.mirror ? sharp(await part.flop().raw().toBuffer(), { raw }) : part;
    parts.push(await mirrored.rotate(turn.angle).raw().toBuffer());
  }
  const swapped = turn.angle % 180 !== 0;
  return { ...decoded, data: Buffer.concat(parts), width: swapped ? height : width, height: swapped ? width : height };
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}
