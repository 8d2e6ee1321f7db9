import { countByClass } from "../core/count-by-class.ts";
import { isFinished, type JobState, jobStates } from "../core/job.ts";
import type { RouteStats } from "../ledger/ledger.ts";
import type { AlertMessage, SummaryRow } from "./alert.ts";

/** The newest time of that hour, local time, that is not after `now`. */
export function lastSummaryTime(hour: number, now: number): number {
  const time = new Date(now);
  time.setHours(hour, 0, 0, 0);
  if (time.getTime() > now) time.setDate(time.getDate() - 1);
  return time.getTime();
}

/** The summary of a day as a message; `stats` count from the day's begin on. */
export function summaryOf(stats: readonly RouteStats[], now: number, id: string): AlertMessage {
  const rows = stats.map(rowOf);
  const lines = rows.map(({ route, ended, waiting, oldestWaitingAt, dead }) => {
    const oldest = oldestWaitingAt === undefined ? "" : `, the oldest since ${new Date(oldestWaitingAt).toISOString()}`;
    return `${route}: in the last day ${listOf(ended)}; ${waiting} waiting${oldest}; dead letters: ${listOf(dead)}`;
  });
  const message = lines.length === 0 ? "No jobs yet" : lines.join("\n");
  return { id, kind: "summary", message, at: now, count: 1, summary: rows };
}

function rowOf({ route, states, troubles, recent, oldestWaitingAt }: RouteStats): SummaryRow {
  const waitingStates: readonly JobState[] = jobStates.filter((state) => !isFinished(state));
  return {
    route,
    ended: recent.ended,
    waiting: waitingStates.reduce((sum, state) => sum + states[state], 0),
    ...(oldestWaitingAt !== undefined && { oldestWaitingAt }),
    dead: countByClass(troubles.filter(({ state }) => state === "dead")),
  };
}

function listOf(counts: Readonly<Partial<Record<string, number>>>): string {
  return (
    Object.entries(counts)
      .map(([name, count]) => `${count} ${name}`)
      .join(", ") || "none"
  );
}
