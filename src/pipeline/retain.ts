import { createBell } from "../bell.ts";
import { type Problem, toProblem } from "../errors.ts";
import type { Store } from "../stores/store.ts";

const hourMs = 3_600_000;

/** Removes what is older; answers how many objects went. */
export async function retain(store: Store, olderThan: number): Promise<number> {
  let removed = 0;
  for await (const { key, modifiedAt } of store.list("")) {
    if (modifiedAt >= olderThan) continue;
    await store.remove(key);
    removed++;
  }
  return removed;
}

export interface KeepRetentionOptions {
  readonly stores: readonly Store[];
  readonly retainHours: number;
  /** Removes stale temporary files. */
  sweep(): Promise<void>;
  readonly signal: AbortSignal;
  readonly onProblem: (problem: Problem) => void;
}

/** At the start and every hour: uploads that were never finished and results that were never fetched don't stay. */
export async function keepRetention(options: KeepRetentionOptions): Promise<void> {
  const { stores, retainHours, sweep, signal, onProblem } = options;
  const told = (error: unknown) => onProblem(toProblem(error));
  const clock = createBell();
  while (!signal.aborted) {
    for (const store of stores) {
      await retain(store, Date.now() - retainHours * hourMs).catch(told);
    }
    await sweep().catch(told);
    await clock.wait(hourMs, signal);
  }
}
