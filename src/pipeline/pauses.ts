import { createBell } from "../bell.ts";
import { type Problem, toProblem } from "../errors.ts";
import type { Paused, Pauses } from "../ledger/pauses.ts";

export interface WatchedPauses {
  /** At most a second old. */
  current(): Paused;
  /** Looks again and again; ends when the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** Pauses as the worker sees them, without a question to the database for each job. */
export async function watchPauses(
  pauses: Pick<Pauses, "read">,
  onProblem: (problem: Problem) => void,
  everyMs = 1000,
): Promise<WatchedPauses> {
  let paused = await pauses.read();
  return {
    current: () => paused,
    async run(signal) {
      const clock = createBell();
      while (!signal.aborted) {
        await clock.wait(everyMs, signal);
        if (signal.aborted) return;
        try {
          paused = await pauses.read();
        } catch (error) {
          onProblem(toProblem(error));
        }
      }
    },
  };
}
