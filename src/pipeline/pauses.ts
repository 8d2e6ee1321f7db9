import { createBell } from "../bell.ts";
import { Problem, toProblem } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Paused, Pauses } from "../ledger/pauses.ts";
import { uploadRoute } from "./route.ts";

export interface WatchedPauses {
  /** At most a second old. */
  current(): Paused;
  /** For whoever has just changed them: afterwards `current` knows. */
  lookNow(): Promise<void>;
  /** Looks again and again; ends when the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/**
 * Pauses of routes that are configured or have jobs: a misspelt one, which would hold up nothing, is `invalid-request`.
 * A change returns once `onChange` has.
 */
export function knownPauses(
  pauses: Pauses,
  ledger: Pick<Ledger, "stats">,
  configured: () => readonly string[],
  onChange: () => Promise<void> = async () => {},
): Pauses {
  return {
    ...pauses,
    async pause(route) {
      if (route !== undefined) {
        const worked = (await ledger.stats(Date.now())).map((stats) => stats.route);
        const names = [...new Set([...configured(), uploadRoute, ...worked])];
        if (!names.includes(route)) {
          throw new Problem(
            "invalid-request",
            `Expected one of ${names.join(", ")} for the route but received ${route}`,
          );
        }
      }
      await pauses.pause(route);
      await onChange();
    },
    async resume(route) {
      await pauses.resume(route);
      await onChange();
    },
  };
}

/** Pauses as the worker sees them, without a question to the database for each job. */
export async function watchPauses(
  pauses: Pick<Pauses, "read">,
  onProblem: (problem: Problem) => void,
  everyMs = 1000,
): Promise<WatchedPauses> {
  let paused = await pauses.read();
  async function lookNow(): Promise<void> {
    try {
      paused = await pauses.read();
    } catch (error) {
      onProblem(toProblem(error));
    }
  }
  return {
    current: () => paused,
    lookNow,
    async run(signal) {
      const clock = createBell();
      while (!signal.aborted) {
        await clock.wait(everyMs, signal);
        if (signal.aborted) return;
        await lookNow();
      }
    },
  };
}
