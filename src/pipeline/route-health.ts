import type { Alert } from "../alerts/alert.ts";
import type { Problem } from "../errors.ts";

export interface RouteHealthOptions {
  readonly route: string;
  /** How long without an arrival is an alarm; absent: never. */
  readonly silentAfterMs?: number | undefined;
  readonly onAlert: (alert: Alert) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly uptime: () => number;
}

/** Whether a route's folders can be reached and something arrives; alarms once for each change for the worse. */
export interface RouteHealth {
  broken(problem: Problem): void;
  /** Answers whether it was broken before. */
  well(): boolean;
  arrived(): void;
  /** Whether another process looks after the route, or nobody here: what is not looked at says nothing. */
  standBy(isIdle: boolean): void;
  /** To be called from time to time: silence makes no noise. */
  look(): void;
  /** Why it does not work; undefined: it does, or nothing is known of it here. */
  problem(): Problem | undefined;
  /** Since when it does not, milliseconds since 1970. */
  brokenSince(): number | undefined;
  /** Whether nothing is known of it here: see `standBy`. */
  standsBy(): boolean;
  /** Milliseconds since 1970; undefined: nothing since the start. */
  lastArrival(): number | undefined;
  /** A comparison with the ledger that began so long ago has come to its end. */
  looked(tookMs: number): void;
  /** How long ago the last such comparison began; undefined: there was none here. */
  sinceLookMs(): number | undefined;
}

export function createRouteHealth({ route, silentAfterMs, onAlert, now, uptime }: RouteHealthOptions): RouteHealth {
  let broken: { readonly problem: Problem; readonly since: number } | undefined;
  let last: number | undefined;
  let quietSince = uptime();
  let isSilent = false;
  let isIdle = false;
  let lookBegan: number | undefined;
  const alert = (kind: Alert["kind"], message: string) => onAlert({ kind, route, message, at: now() });
  return {
    broken(problem) {
      if (broken === undefined) alert("share-gone", `Route ${route} is broken: ${problem.message}`);
      broken = { problem, since: broken?.since ?? now() };
    },
    well() {
      if (broken === undefined) return false;
      broken = undefined;
      alert("share-back", `Route ${route} works again`);
      return true;
    },
    arrived() {
      last = now();
      quietSince = uptime();
      isSilent = false;
    },
    standBy(idle) {
      isIdle = idle;
      broken = undefined;
      lookBegan = undefined;
      quietSince = uptime();
      isSilent = false;
    },
    look() {
      if (isIdle) return;
      if (silentAfterMs === undefined || isSilent || uptime() - quietSince < silentAfterMs) return;
      isSilent = true;
      alert("silence", `Nothing has arrived on route ${route} for ${wordsOf(silentAfterMs)}`);
    },
    problem: () => broken?.problem,
    brokenSince: () => broken?.since,
    standsBy: () => isIdle,
    lastArrival: () => last,
    looked(tookMs) {
      lookBegan = uptime() - tookMs;
    },
    sinceLookMs: () => (lookBegan === undefined ? undefined : uptime() - lookBegan),
  };
}

/** A clock that jumps by more than a minute beside the one that nobody sets is an alarm: ages and leases hang on it. */
export function createClockWatch({
  onAlert,
  now,
  uptime,
}: Pick<RouteHealthOptions, "onAlert" | "now" | "uptime">): () => void {
  const largestMs = 60_000;
  let offset = now() - uptime();
  return () => {
    const jump = now() - uptime() - offset;
    offset += jump;
    if (Math.abs(jump) < largestMs) return;
    const way = jump > 0 ? "forward" : "back";
    onAlert({ kind: "clock-jump", message: `The clock was set ${way} by ${wordsOf(Math.abs(jump))}`, at: now() });
  };
}

function wordsOf(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
