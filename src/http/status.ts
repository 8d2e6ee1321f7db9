import type { Limits } from "../core/media.ts";
import { allStyles, cosmeticStatement, type Policy, styles } from "../core/policy.ts";
import { policyBody } from "./policy-body.ts";
import type { Status } from "./schema.ts";

export interface StatusFacts {
  readonly version: string;
  readonly detector: { readonly name: string; readonly digest: string };
  readonly folder: { readonly input: string; readonly output: string; readonly watch: boolean };
  readonly limits: Limits & { readonly maxBatch: number };
  readonly formats: readonly string[];
  readonly policy: Policy;
  /** What is in the watched folder and can't be taken, in words. */
  readonly passedOver: readonly string[];
}

/** How many of what is passed over are told in words. */
const maxExamples = 20;

/** What the page is told about this installation. */
export function statusOf({ version, detector, folder, limits, formats, policy, passedOver }: StatusFacts): Status {
  const none = { count: 0, examples: [] };
  return {
    version,
    detector: { ...detector },
    routes: [
      {
        ...{ name: "folder", watched: folder.watch, input: folder.input, output: folder.output },
        passed_over: { count: passedOver.length, examples: passedOver.slice(0, maxExamples) },
      },
      {
        ...{ name: "upload", watched: false, input: "POST /api/v1/jobs", output: "GET /api/v1/jobs/{id}/result" },
        passed_over: none,
      },
    ],
    limits: {
      max_bytes: limits.maxBytes,
      max_pixels: limits.maxPixels,
      max_frames: limits.maxFrames,
      max_batch: limits.maxBatch,
    },
    formats: [...formats],
    policy: policyBody(policy),
    styles: policy.cosmetic === cosmeticStatement ? [...allStyles] : [...styles],
  };
}
