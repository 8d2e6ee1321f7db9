import { countByClass } from "../core/count-by-class.ts";
import { type DayWindow, minutesThrough } from "../core/day-window.ts";
import { isFinished, type JobState, jobStates } from "../core/job.ts";
import type { ProblemClass } from "../errors.ts";
import type { Ledger, RouteStats } from "../ledger/ledger.ts";
import { minuteOfDay } from "./pace.ts";
import { uploadRoute } from "./route.ts";

/** How far a route is, and how long the rest will take at the pace of the last minutes. */
export interface Progress {
  readonly route: string;
  readonly states: Readonly<Record<JobState, number>>;
  /** What is dead, held or waits for another attempt, by class, each the most frequent first. */
  readonly classes: Readonly<Record<"failed" | "held" | "dead", Readonly<Partial<Record<ProblemClass, number>>>>>;
  /** Not finished: waiting, in work, or to be tried again. */
  readonly left: number;
  readonly retries: number;
  /** Milliseconds since 1970; absent: nothing waits. */
  readonly oldestWaitingAt?: number;
  /** Jobs that ended, over the last minutes. */
  readonly perMinute: number;
  /** With the hours in which bulk work rests; absent: nothing is left, or nothing moves. */
  readonly secondsLeft?: number;
}

/** How far back the pace is measured. */
const paceMs = 5 * 60_000;
/** A pace out of less time says nothing. */
const leastMs = 5_000;

/** Every route's progress as the ledger has it now; `window` is that of bulk work, which people's uploads are none of. */
export async function readProgress(
  ledger: Pick<Ledger, "stats">,
  now: number,
  window?: DayWindow,
): Promise<readonly Progress[]> {
  const stats = await ledger.stats(now - paceMs);
  return stats.map((its) => progressOf(its, now, its.route === uploadRoute ? undefined : window));
}

/** One route's figures as progress; outside the window nothing goes on. */
export function progressOf(
  { route, states, troubles, oldestWaitingAt, retries, recent }: RouteStats,
  now: number,
  window?: DayWindow,
): Progress {
  const left = jobStates.filter((state) => !isFinished(state)).reduce((sum, state) => sum + states[state], 0);
  const ended = Object.values(recent.ended).reduce((sum, jobs) => sum + jobs, 0);
  const perMs = ended / Math.max(leastMs, now - (recent.firstAt ?? now));
  const waitMs = (workMs: number) =>
    window === undefined ? workMs : minutesThrough(window, minuteOfDay(now), workMs / 60_000) * 60_000;
  const classesOf = (state: "failed" | "held" | "dead") =>
    countByClass(troubles.filter((trouble) => trouble.state === state));
  return {
    ...{ route, states, left, retries },
    classes: { failed: classesOf("failed"), held: classesOf("held"), dead: classesOf("dead") },
    ...(oldestWaitingAt !== undefined && { oldestWaitingAt }),
    perMinute: Math.round(perMs * 60_000 * 10) / 10,
    ...(left > 0 && ended > 0 && { secondsLeft: Math.round(waitMs(left / perMs) / 1000) }),
  };
}
