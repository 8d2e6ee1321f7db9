import { writeFile } from "node:fs/promises";
import sharp from "sharp";
import { sealBytes } from "../core/sealed-bytes.ts";
import type { Decoded } from "./decode.ts";
import { withProfile } from "./profiled.ts";

/** Longest side, pixels: enough for a large screen. */
const longestSide = 2048;

/** Writes the first frame as a small JPEG without metadata but the colour profile, sealed, to a file that must not exist. */
export async function writePreview(decoded: Decoded, outPath: string, key: Uint8Array): Promise<void> {
  const { data, width, height, channels, original } = decoded;
  const first = sharp(data.subarray(0, width * height * channels), {
    raw: { width, height, channels },
    limitInputPixels: false,
  });
  const small = await first
    .resize({ width: longestSide, height: longestSide, fit: "inside", withoutEnlargement: true })
    .flatten({ background: "white" })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { info } = small;
  const strip = { data: small.data, width: info.width, height: info.height, channels: 3, frames: 1 } as const;
  const image = original.icc === undefined ? sharp(strip.data, { raw: strip }) : withProfile(strip, original.icc);
  await writeFile(outPath, sealBytes(await image.jpeg({ quality: 85 }).toBuffer(), key), { flag: "wx", mode: 0o600 });
}
