import type { Limits } from "../core/media.ts";
import { allStyles, cosmeticStatement, type Policy, styles } from "../core/policy.ts";
import type { Status } from "./schema.ts";

export interface StatusFacts {
  readonly version: string;
  readonly detector: { readonly name: string; readonly digest: string };
  readonly folder: { readonly input: string; readonly output: string; readonly watch: boolean };
  readonly limits: Limits & { readonly maxBatch: number };
  readonly formats: readonly string[];
  readonly policy: Policy;
}

/** What the page is told about this installation. */
export function statusOf({ version, detector, folder, limits, formats, policy }: StatusFacts): Status {
  const { profile, style, strength, quality, minScore, cosmetic } = policy;
  return {
    version,
    detector: { ...detector },
    routes: [
      { name: "folder", watched: folder.watch, input: folder.input, output: folder.output },
      { name: "upload", watched: false, input: "POST /api/v1/jobs", output: "GET /api/v1/jobs/{id}/result" },
    ],
    limits: {
      max_bytes: limits.maxBytes,
      max_pixels: limits.maxPixels,
      max_frames: limits.maxFrames,
      max_batch: limits.maxBatch,
    },
    formats: [...formats],
    policy: { profile, style, strength, quality, min_score: minScore ?? null },
    styles: cosmetic === cosmeticStatement ? [...allStyles] : [...styles],
  };
}
