import type { JobState } from "../core/job.ts";
import type { ProblemCode } from "../errors.ts";
import type { EventTally, OpenSelfTests } from "./ledger.ts";
import type { LedgerRow } from "./record-rows.ts";

/** Rows of a ledger's count of events as the contract has them. */
export function toTally(rows: readonly LedgerRow[]): readonly EventTally[] {
  return rows.map(({ route, kind, code, detector, digest, faceless, cached, again, events, regions }) => ({
    route: String(route),
    kind: kind as JobState,
    ...(code !== null && { code: code as ProblemCode }),
    ...(detector !== null && { detector: { name: String(detector), digest: String(digest) } }),
    faceless: Boolean(faceless),
    cached: Boolean(cached),
    again: Boolean(again),
    events: Number(events),
    regions: Number(regions),
  }));
}

/** The states in which a job still counts as of now. */
export const openStates = "'admitted', 'started', 'failed', 'held'";

export function toOpenSelfTests(rows: readonly LedgerRow[]): readonly OpenSelfTests[] {
  return rows.map(({ route, state, jobs }) => ({
    route: String(route),
    state: state as JobState,
    jobs: Number(jobs),
  }));
}
