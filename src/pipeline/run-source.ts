import { createBell } from "../bell.ts";
import { type Problem, toProblem } from "../errors.ts";
import type { Arrival, Source } from "../sources/source.ts";

export interface RunSourceOptions {
  readonly source: Source;
  /** Resolves once the batch is durable. */
  readonly admit: (arrivals: readonly Arrival[]) => Promise<unknown>;
  /** Waited for before each batch is admitted. */
  readonly room?: { wait(signal: AbortSignal): Promise<void> };
  readonly signal: AbortSignal;
  readonly onProblem: (problem: Problem) => void;
  /** The first rest after a failure; it doubles up to a minute. */
  readonly restMs?: number;
}

const longestRestMs = 60_000;

/**
 * Admits a source's batches until it ends or the signal aborts. Asking for the next batch acknowledges the last one; a
 * failed admission ends the iteration instead, so that the source gives its batch back, and begins again after a rest.
 */
export async function runSource(options: RunSourceOptions): Promise<void> {
  const { source, admit, room, signal, onProblem, restMs = 1000 } = options;
  const clock = createBell();
  let failures = 0;
  while (!signal.aborted) {
    try {
      for await (const batch of source.arrivals(signal)) {
        await room?.wait(signal);
        if (signal.aborted) return;
        await admit(batch);
        failures = 0;
      }
      return;
    } catch (error) {
      if (signal.aborted) return;
      onProblem(toProblem(error));
    }
    await clock.wait(Math.min(restMs * 2 ** failures, longestRestMs), signal);
    failures += 1;
  }
}
