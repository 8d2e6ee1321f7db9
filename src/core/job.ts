import { createHmac } from "node:crypto";
import type { Policy } from "./policy.ts";
import { policyDigest } from "./policy.ts";

/** Where an object lies: a configured store's name and the key in it. */
export interface Location {
  readonly store: string;
  readonly key: string;
}

/** A job's largest size as JSON, UTF-8: every queue carries that much. */
export const maxJobBytes = 16_384;

/** A name for work, never the bytes. */
export interface Job {
  readonly id: string;
  /** Counts redrives, approvals and reruns of the same object version; 0 at first. */
  readonly revision: number;
  /** Grows with each admission for the same route and input key: the newest wins. */
  readonly generation: number;
  readonly route: string;
  readonly medium: "image";
  readonly input: Location & { readonly version: string };
  readonly output: Location;
  readonly policy: Policy;
  /** Of the regions that a person decided on, which the ledger keeps: exactly these are masked, and no detector looks. */
  readonly regionsDigest?: string;
}

export const lanes = ["interactive", "bulk"] as const;
/** Two physical queues: a person's request never waits behind an import. */
export type Lane = (typeof lanes)[number];

export const jobStates = [
  "admitted",
  "started",
  "failed",
  "done",
  "copied",
  "skipped",
  "held",
  "dead",
  "superseded",
  "redriven",
  "approved",
  "rejected",
  "removed",
  "expired",
] as const;
/**
 * A job's state is the kind of its last event. `failed` waits for another attempt; `dead` has used them up. `copied`:
 * no picture, and the route passes its kind on as it is. `redriven`, `approved`: another revision takes its place, after
 * an approval with the regions that a person decided on. `rejected`: a person wants no output. `removed`, `expired`: the
 * output is gone again, with its original or because its time was over.
 */
export type JobState = (typeof jobStates)[number];

const successors: Record<JobState, readonly JobState[]> = {
  admitted: ["started", "superseded", "dead"],
  started: ["started", "failed", "done", "copied", "skipped", "held", "rejected", "dead", "superseded"],
  failed: ["started", "dead", "superseded"],
  dead: ["redriven", "superseded"],
  held: ["redriven", "approved", "rejected", "superseded"],
  done: ["removed", "expired"],
  copied: ["removed", "expired"],
  skipped: [],
  superseded: [],
  redriven: [],
  approved: [],
  rejected: [],
  removed: [],
  expired: [],
};

/** Whether an event of kind `to` may follow one of kind `from`: a late duplicate can't move a finished job back. */
export function mayFollow(from: JobState, to: JobState): boolean {
  return successors[from].includes(to);
}

/** Whether nothing more happens to the job by itself. */
export function isFinished(state: JobState): boolean {
  return state !== "admitted" && state !== "started" && state !== "failed";
}

/** The job's identity: the same work has the same id on every replica, and no outsider can guess it. */
export function jobId(
  installationKey: string,
  job: Omit<Job, "id" | "generation">,
  modelDigests: readonly string[],
): string {
  const { route, input, output, policy, revision, regionsDigest } = job;
  const parts = [
    route,
    input.store,
    input.key,
    input.version,
    output.store,
    output.key,
    policyDigest(policy),
    modelDigests,
    revision,
    ...(regionsDigest === undefined ? [] : [regionsDigest]),
  ];
  return createHmac("sha256", installationKey).update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}
