/** Routes whose stores keep workers waiting: they rest, so that they hold up none of the others. */
export interface StuckRoutes {
  /** An attempt at one of its jobs begins. */
  begun(route: string): void;
  /** It has ended: its store could not be reached, after so long, or was there. Answers for how long the route rests now. */
  ended(route: string, awayAfterMs: number | undefined): number | undefined;
  /** Those that nothing is to be begun for. */
  resting(): readonly string[];
}

export interface StuckRoutesOptions {
  /** Milliseconds of a clock that nobody sets. */
  readonly uptime: () => number;
  /** A store that says no sooner holds nobody up. */
  readonly slowMs?: number;
  readonly restMs?: number;
}

const longestRests = 16;

/**
 * A store that is silent keeps each attempt for as long as a server may be silent, and with a few jobs all workers. After
 * one such attempt its route rests, longer each time; then one job alone finds out whether it is there again.
 */
export function createStuckRoutes({ uptime, slowMs = 5_000, restMs = 15_000 }: StuckRoutesOptions): StuckRoutes {
  const stuck = new Map<string, { rests: number; until: number; isTried: boolean }>();
  return {
    begun(route) {
      const one = stuck.get(route);
      if (one !== undefined && one.until <= uptime()) one.isTried = true;
    },
    ended(route, awayAfterMs) {
      const one = stuck.get(route);
      const isSlow = awayAfterMs !== undefined && awayAfterMs >= slowMs;
      if (!isSlow) {
        stuck.delete(route);
        return undefined;
      }
      // What had begun before the rest tells nothing new.
      if (one !== undefined && !one.isTried) return undefined;
      const rests = one === undefined ? 1 : Math.min(one.rests * 2, longestRests);
      stuck.set(route, { rests, until: uptime() + rests * restMs, isTried: false });
      return rests * restMs;
    },
    resting() {
      const now = uptime();
      return Array.from(stuck)
        .filter(([, { until, isTried }]) => isTried || until > now)
        .map(([route]) => route);
    },
  };
}
