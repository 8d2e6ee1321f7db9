import type { Problem } from "../errors.ts";

/** Routes whose stores keep workers waiting: they rest, so that they hold up none of the others. */
export interface StuckRoutes {
  /** An attempt at one of its jobs begins. */
  begun(route: string): void;
  /** It has ended: its store could not be reached, or was there. Answers for how long the route rests now. */
  ended(route: string, away?: Away): number | undefined;
  /** Those that nothing is to be begun for. */
  resting(): readonly string[];
  /** Why a route rests, and until when; undefined: it does not. */
  restOf(route: string): Rest | undefined;
}

/** How an attempt has failed, and after how long. */
export interface Away {
  readonly problem: Problem;
  readonly afterMs: number;
}

export interface Rest {
  readonly problem: Problem;
  /** When one of its jobs tries again, milliseconds since 1970; past: one is at it. */
  readonly triedAt: number;
}

export interface StuckRoutesOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds of a clock that nobody sets. */
  readonly uptime: () => number;
  /** A store that says no sooner holds nobody up. */
  readonly slowMs?: number;
  readonly restMs?: number;
}

interface Stuck {
  readonly rests: number;
  readonly until: number;
  readonly problem: Problem;
  isTried: boolean;
}

const longestRests = 16;

/**
 * A store that is silent keeps each attempt for as long as a server may be silent, and with a few jobs all workers. After
 * one such attempt its route rests, longer each time; then one job alone finds out whether it is there again.
 */
export function createStuckRoutes(options: StuckRoutesOptions): StuckRoutes {
  const { now, uptime, slowMs = 5_000, restMs = 15_000 } = options;
  const stuck = new Map<string, Stuck>();
  const rests = ({ until, isTried }: Stuck) => isTried || until > uptime();
  return {
    begun(route) {
      const one = stuck.get(route);
      if (one !== undefined && one.until <= uptime()) one.isTried = true;
    },
    ended(route, away) {
      const one = stuck.get(route);
      if (away === undefined || away.afterMs < slowMs) {
        stuck.delete(route);
        return undefined;
      }
      // What had begun before the rest tells nothing new.
      if (one !== undefined && !one.isTried) return undefined;
      const rests = one === undefined ? 1 : Math.min(one.rests * 2, longestRests);
      stuck.set(route, { rests, until: uptime() + rests * restMs, problem: away.problem, isTried: false });
      return rests * restMs;
    },
    resting: () =>
      Array.from(stuck)
        .filter(([, one]) => rests(one))
        .map(([route]) => route),
    restOf(route) {
      const one = stuck.get(route);
      if (one === undefined || !rests(one)) return undefined;
      return { problem: one.problem, triedAt: now() + one.until - uptime() };
    },
  };
}
