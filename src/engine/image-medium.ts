import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import type { Detector } from "../core/detector.ts";
import { maskFrame } from "../core/mask.ts";
import type { Limits } from "../core/media.ts";
import type { Policy } from "../core/policy.ts";
import type { Region } from "../core/region.ts";
import { spreadOverFrames } from "../core/spread.ts";
import { type Decoded, decode } from "./decode.ts";
import { encode } from "./encode.ts";

/** A masked file as the engine process reports it; the pool turns it into `Anonymized`. */
export interface RenderedFile {
  readonly contentType: string;
  readonly extension: string;
  readonly size: number;
  readonly sha256: string;
  readonly width: number;
  readonly height: number;
}

export interface PictureHeader {
  readonly format: string;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
}

/** One decoded picture inside an engine process. */
export interface OpenPicture {
  readonly header: PictureHeader;
  detect(policy: Policy): Promise<readonly Region[]>;
  /** Writes the masked picture to `outPath`, which must not exist. */
  render(regions: readonly Region[], policy: Policy, outPath: string): Promise<RenderedFile>;
}

export interface PictureSetup {
  readonly limits: Limits;
  /** Owner-only folder for intermediate files. */
  readonly spool: string;
  readonly detector: Detector;
}

/** Decodes a file once; detection and rendering then work on its pixels. */
export async function openPicture(path: string, setup: PictureSetup): Promise<OpenPicture> {
  const { limits, spool, detector } = setup;
  const decoded = await decode(path, limits, spool);
  const { width, height, frames } = decoded;
  return {
    header: { format: decoded.original.format, width, height, frames },
    async detect(policy) {
      const { profile, minScore } = policy;
      const options = { profile, ...(minScore !== undefined && { minScore }) };
      if (frames === 1) return detector.detect(frameOf(decoded, 0), options);
      const found: Region[] = [];
      for (let frame = 0; frame < frames; frame++) {
        const regions = await detector.detect(frameOf(decoded, frame), options);
        for (const region of regions) found.push({ ...region, frame });
      }
      return found;
    },
    async render(regions, policy, outPath) {
      // A copy: the same picture may be rendered again with other regions.
      const masked = { ...decoded, data: Buffer.from(decoded.data) };
      const spread = spreadOverFrames(regions, frames);
      for (let frame = 0; frame < frames; frame++) {
        const here = spread.filter((region) => region.frame === undefined || region.frame === frame);
        maskFrame(frameOf(masked, frame), here, policy);
      }
      const { data, contentType, extension } = await encode(masked, policy.quality);
      await writeFile(outPath, data, { flag: "wx", mode: 0o600 });
      const sha256 = createHash("sha256").update(data).digest("hex");
      return { contentType, extension, size: data.length, sha256, width, height };
    },
  };
}

function frameOf({ data, width, height, channels }: Decoded, frame: number) {
  const bytes = width * height * channels;
  return { data: data.subarray(frame * bytes, (frame + 1) * bytes), width, height, channels };
}
