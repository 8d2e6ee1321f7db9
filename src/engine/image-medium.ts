import type { Detector } from "../core/detector.ts";
import { type KeptRegions, requireCertain } from "../core/kept-regions.ts";
import { maskFrame } from "../core/mask.ts";
import type { Limits, PictureFile, PictureHeader } from "../core/media.ts";
import type { Policy } from "../core/policy.ts";
import type { Region } from "../core/region.ts";
import { spreadOverFrames } from "../core/spread.ts";
import { isWithin, requireWithin } from "../core/within.ts";
import { checkResidue } from "./check-residue.ts";
import { type Decoded, decode } from "./decode.ts";
import { encode } from "./encode.ts";
import { clearHidden, countHidden } from "./hidden-colours.ts";
import { keptExif } from "./kept-metadata.ts";
import { lookAt } from "./look.ts";
import { encodeLossless, refuseLossy } from "./lossless.ts";
import { writePreview } from "./preview.ts";
import { remember } from "./unmask.ts";

/** A masked file as the engine process reports it; the pool turns it into `Anonymized`. */
export interface RenderedFile {
  readonly contentType: string;
  readonly extension: string;
  readonly size: number;
  readonly sha256: string;
  readonly width: number;
  readonly height: number;
}

/** One decoded picture inside an engine process. */
export interface OpenPicture {
  readonly header: PictureHeader;
  /** What each of the policy's looks finds. */
  look(policy: Policy): Promise<KeptRegions>;
  /** What the policy masks of that. Fails with doubtful. */
  detect(policy: Policy): Promise<readonly Region[]>;
  /** Writes the masked picture to `outPath`, which must not exist. Fails with invalid-request on a region outside it. */
  render(regions: readonly Region[], policy: Policy, outPath: string): Promise<RenderedFile>;
  /** Writes the first frame as it is, small and as JPEG, to `outPath`, which must not exist. */
  preview(outPath: string, key: Uint8Array): Promise<void>;
}

export interface PictureSetup {
  readonly limits: Limits;
  /** Owner-only folder for this picture's intermediate files. */
  readonly scratch: string;
  readonly detector: Detector;
  /** What writes the file; a test puts a faulty one here. */
  readonly encode?: typeof encode;
}

/** Decodes a file once; detection and rendering then work on its pixels. */
export async function openPicture(file: string | PictureFile, setup: PictureSetup): Promise<OpenPicture> {
  const { limits, scratch, detector, encode: write = encode } = setup;
  const decoded = await decode(typeof file === "string" ? { path: file } : file, limits, scratch);
  const { width, height, frames } = decoded;
  const { format, lossless } = decoded.original;
  const lossy = format === "avif" || format === "heic" || (format === "webp" && !lossless);
  const hidden = countHidden(frameOf({ ...decoded, height: height * frames }, 0), lossy);
  // Of veil's own making, and hardly larger than what was let in.
  const readable = { ...limits, maxBytes: Number.MAX_SAFE_INTEGER };
  const header = { format, width, height, frames, ...(hidden > 0 && { hidden }) };
  async function look(policy: Policy): Promise<KeptRegions> {
    const found: { readonly first: Region[]; readonly second: Region[] } = { first: [], second: [] };
    for (let frame = 0; frame < frames; frame++) {
      const looks = await lookAt(frameOf(decoded, frame), detector, policy);
      for (const which of ["first", "second"] as const) {
        for (const region of looks[which]) found[which].push(frames === 1 ? region : { ...region, frame });
      }
    }
    // A face of which not even a pixel lies within the border shows nothing of itself, and render would refuse it.
    const within = (regions: readonly Region[]) => regions.filter((region) => isWithin(region, header));
    return { first: within(found.first), second: within(found.second) };
  }

  return {
    header,
    look,
    detect: async (policy) => requireCertain(await look(policy), policy),
    preview: (outPath, key) => writePreview(decoded, outPath, key),
    async render(regions, policy, outPath) {
      requireWithin(regions, header);
      if (policy.lossless) refuseLossy(decoded);
      const spread = spreadOverFrames(regions, frames);
      const unmask: (() => void)[] = [];
      try {
        for (let frame = 0; frame < frames; frame++) {
          const here = spread.filter((region) => region.frame === undefined || region.frame === frame);
          unmask.push(remember(frameOf(decoded, frame), here, policy));
          maskFrame(frameOf(decoded, frame), here, policy);
          unmask.push(clearHidden(frameOf(decoded, frame)));
        }
        const { metadata } = decoded.original;
        const { metadata: kept = "none" } = policy;
        const exif = keptExif(metadata, kept);
        const encoded = policy.lossless
          ? await encodeLossless(decoded, spread, policy, outPath, (path) => decode({ path }, readable, scratch), exif)
          : await write(decoded, policy.quality, outPath, exif);
        // Coefficients stay as they were stored, so how to turn them stays too.
        const orientation = policy.lossless ? decoded.jpeg?.orientation : undefined;
        const expected = { frames, metadata, policy: kept, ...(orientation && { orientation }) };
        return { ...encoded, ...(await checkResidue(outPath, expected)), width, height };
      } finally {
        // The same picture may be looked at, and rendered, again.
        for (const restore of unmask.reverse()) restore();
      }
    },
  };
}

function frameOf({ data, width, height, channels }: Decoded, frame: number) {
  const bytes = width * height * channels;
  return { data: data.subarray(frame * bytes, (frame + 1) * bytes), width, height, channels };
}
