import type { Limits } from "../core/media.ts";
import { allStyles, cosmeticStatement, type Policy, styles } from "../core/policy.ts";
import type { Paused } from "../pipeline/pauses.ts";
import type { Progress } from "../pipeline/progress.ts";
import type { Fill } from "../pipeline/room.ts";
import { policyBody } from "./policy-body.ts";
import type { ProgressBody, Status } from "./schema.ts";

export interface StatusFacts {
  readonly version: string;
  readonly detector: { readonly name: string; readonly digest: string };
  readonly folder: { readonly input: string; readonly output: string; readonly watch: boolean };
  readonly limits: Limits & { readonly maxBatch: number };
  readonly formats: readonly string[];
  readonly policy: Policy;
  /** What is in the watched folder and can't be taken, in words. */
  readonly passedOver: readonly string[];
  readonly progress: readonly Progress[];
  readonly paused: Paused;
  readonly room: Fill;
}

/** How many of what is passed over are told in words. */
const maxExamples = 20;

/** What the page is told about this installation. */
export function statusOf(facts: StatusFacts): Status {
  const { version, detector, folder, limits, formats, policy, passedOver, room } = facts;
  const none = { count: 0, examples: [] };
  return {
    version,
    detector: { ...detector },
    routes: [
      {
        ...{ name: "folder", watched: folder.watch, input: folder.input, output: folder.output },
        passed_over: { count: passedOver.length, examples: passedOver.slice(0, maxExamples) },
        progress: progressBody("folder", facts),
      },
      {
        ...{ name: "upload", watched: false, input: "POST /api/v1/jobs", output: "GET /api/v1/jobs/{id}/result" },
        passed_over: none,
        progress: progressBody("upload", facts),
      },
    ],
    limits: {
      max_bytes: limits.maxBytes,
      max_pixels: limits.maxPixels,
      max_frames: limits.maxFrames,
      max_batch: limits.maxBatch,
    },
    room: { share: room.share, detail: room.words },
    formats: [...formats],
    policy: policyBody(policy),
    styles: policy.cosmetic === cosmeticStatement ? [...allStyles] : [...styles],
  };
}

function progressBody(name: string, { progress, paused }: Pick<StatusFacts, "progress" | "paused">): ProgressBody {
  const its = progress.find(({ route }) => route === name);
  return {
    left: its?.left ?? 0,
    per_minute: its?.perMinute ?? 0,
    seconds_left: its?.secondsLeft ?? null,
    oldest_waiting_at: its?.oldestWaitingAt === undefined ? null : new Date(its.oldestWaitingAt).toISOString(),
    retries: its?.retries ?? 0,
    paused: paused.all || paused.routes.includes(name),
    dead: { ...its?.classes.dead },
    held: { ...its?.classes.held },
    trying_again: { ...its?.classes.failed },
  };
}
