import type { Exif } from "sharp";
import { clustersOf, union } from "../core/cluster.ts";
import { type Cover, coverOf, type Look, masksOf } from "../core/cover.ts";
import type { Policy } from "../core/policy.ts";
import type { Region } from "../core/region.ts";
import type { Decoded } from "./decode.ts";
import { type Encoded, encode } from "./encode.ts";
import { refused } from "./jpeg/damaged.ts";
import { encodeLosslessJpeg } from "./lossless-jpeg.ts";

const convert = "Mask it without the option lossless, or convert it to PNG first.";

/** Fails with unsupported for a picture whose untouched parts could not be written as they are. */
export function refuseLossy({ original: { format, inexact } }: Decoded): void {
  if (format === "avif" || format === "heic" || format === "gif") throw refused(format.toUpperCase(), convert);
  if (inexact !== undefined) throw refused(`${format.toUpperCase()} ${inexact}`, convert);
}

/**
 * Writes a masked picture that `refuseLossy` let pass, with every pixel out of its masks' reach as it was: JPEG by its
 * coefficients, all others by formats that lose nothing. `decode` reads what was made, to be compared.
 */
export async function encodeLossless(
  masked: Decoded,
  regions: readonly Region[],
  policy: Policy,
  outPath: string,
  decode: (path: string) => Promise<Decoded>,
  exif?: Exif,
): Promise<Encoded> {
  const { jpeg, original } = masked;
  if (jpeg !== undefined) {
    const cover = coverOfMasks(masked, regions, policy);
    return encodeLosslessJpeg({ masked, cover, ...jpeg, ...(exif && { exif }) }, outPath, decode);
  }
  const { compression } = original;
  const exact = {
    ...original,
    lossless: true,
    ...(compression !== undefined && { compression: exactly(compression) }),
  };
  return encode({ ...masked, original: exact }, policy.quality, outPath, exif);
}

function exactly(compression: string): string {
  return compression === "jpeg" ? "lzw" : compression;
}

/** The cover as `maskFrame` lays it, over no more of the picture than the masks can reach. */
function coverOfMasks({ width, height }: Decoded, regions: readonly Region[], look: Look): Cover {
  const clusters = clustersOf(masksOf(regions, look), width, height);
  if (clusters.length === 0) return { bounds: { left: 0, top: 0, right: 0, bottom: 0 }, values: new Uint8Array(0) };
  const masks = clusters.flatMap((cluster) => cluster.masks);
  return coverOf(masks, clusters.map(({ bounds }) => bounds).reduce(union));
}
