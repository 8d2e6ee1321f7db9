import { channel } from "node:diagnostics_channel";

/** How far a job has come, in the order of its life; each is told once what it says is done. */
export const points = [
  /** In the ledger, in no queue yet. */
  "admitted",
  "published",
  /** Handed out by the queue, in whatever state the ledger has it. */
  "lent",
  "started",
  /** The original lies in the spool. */
  "fetched",
  "detected",
  "rendered",
  /** The output's bytes are on disk, not under their name yet. */
  "written",
  /** The output is there, the ledger does not know. */
  "put",
  /** The ledger knows, the queue does not. */
  "recorded",
  /** The original was copied to where it is moved to, and is still in its place. */
  "original-copied",
  /** It lies under another name, to be looked at once more before it is removed. */
  "original-aside",
  "original-settled",
  /** The queue was told that the job is over. */
  "over",
] as const;
export type Point = (typeof points)[number];

const told = channel("veil:point");

/** Tells whoever listens on `veil:point`, before anything else happens; costs a look at a flag where nobody does. */
export function reached(point: Point, job?: string, state?: string): void {
  if (told.hasSubscribers) told.publish({ point, job, state });
}
