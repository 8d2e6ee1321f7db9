import type { Job, JobState, Lane } from "../core/job.ts";
import type { KeptRegions } from "../core/kept-regions.ts";
import { Problem } from "../errors.ts";
import type { Candidate, EventDetail, JobQuery, JobRecord, LedgerEvent } from "./ledger.ts";
import type { LedgerRow } from "./record-rows.ts";

/** A job with its state, out of columns of both tables. */
export function toJobRecord(row: LedgerRow): JobRecord {
  return {
    job: { ...(JSON.parse(String(row.job)) as Omit<Job, "generation">), generation: Number(row.generation) },
    lane: row.lane as Lane,
    state: row.state as JobState,
    attempts: Number(row.attempts),
    ...(row.state === "started" && { fence: Number(row.seq) }),
    admittedAt: Number(row.admitted_at),
    updatedAt: Number(row.updated_at),
    last: JSON.parse(String(row.last)) as EventDetail,
    ...(row.request_digest !== null && { requestDigest: String(row.request_digest) }),
    ...(row.erased_at !== null && { erased: true }),
  };
}

/** An event, out of its columns. */
export function toEvent(jobId: string, { kind, at, detail }: LedgerRow): LedgerEvent {
  return { jobId, kind: kind as JobState, at: Number(at), ...(JSON.parse(String(detail)) as EventDetail) };
}

/** What was kept with a job. Problem: ledger-broken. */
export function toRegions(text: string, jobId: string): KeptRegions {
  try {
    return JSON.parse(text) as KeptRegions;
  } catch (cause) {
    throw new Problem("ledger-broken", `The regions kept with job ${jobId} can't be read`, { cause });
  }
}

/** Where the page before ended. Problem: invalid-request. */
export function cursorOf({ after }: JobQuery): number {
  if (!/^\d{1,15}$/.test(after ?? "")) {
    throw new Problem("invalid-request", `Expected the next of an earlier page for after but received ${after}`);
  }
  return Number(after);
}

/** In the stamp's place, where somebody had logged in. */
export function whoOf({ who, owner }: Pick<Candidate, "who" | "owner">): Pick<EventDetail, "who" | "owner"> {
  return { ...(who !== undefined && { who }), ...(owner !== undefined && { owner }) };
}
