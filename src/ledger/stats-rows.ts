import { type JobState, jobStates } from "../core/job.ts";
import type { ProblemCode } from "../errors.ts";
import type { RouteStats } from "./ledger.ts";
import type { LedgerRow } from "./record-rows.ts";

/** What is asked of a ledger's tables for its figures; each row names its route. */
export interface StatsRows {
  /** `state`, `jobs` */
  readonly counts: readonly LedgerRow[];
  /** `state`, `code`, `jobs` */
  readonly troubles: readonly LedgerRow[];
  /** `at`; 9e15 and more: nothing waits. */
  readonly waiting: readonly LedgerRow[];
  readonly retries: readonly LedgerRow[];
  /** `state`, `jobs`, `first` */
  readonly recent: readonly LedgerRow[];
}

/** Every route that has jobs, in the order of the counts. */
export function toStats({ counts, troubles, waiting, retries, recent }: StatsRows): readonly RouteStats[] {
  const none = Object.fromEntries(jobStates.map((state) => [state, 0])) as Record<JobState, number>;
  return [...new Set(counts.map(({ route }) => String(route)))].map((route) => {
    const its = (rows: readonly LedgerRow[]) => rows.filter((row) => row.route === route);
    const oldestAt = Number(its(waiting)[0]?.at ?? 9e15);
    const ended = its(recent);
    const firstAt = Math.min(...ended.map(({ first }) => Number(first)));
    return {
      route,
      states: { ...none, ...Object.fromEntries(its(counts).map(({ state, jobs }) => [state, Number(jobs)])) },
      troubles: its(troubles).map(({ state, code, jobs }) => ({
        state: state as "failed" | "held" | "dead",
        // One without a code was written by hand.
        code: (code ?? "internal") as ProblemCode,
        jobs: Number(jobs),
      })),
      ...(oldestAt < 9e15 && { oldestWaitingAt: oldestAt }),
      retries: Number(its(retries)[0]?.retries ?? 0),
      recent: {
        ended: Object.fromEntries(ended.map(({ state, jobs }) => [state, Number(jobs)])),
        ...(ended.length > 0 && { firstAt }),
      },
    };
  });
}
