import { createBell } from "../bell.ts";
import { isFinished } from "../core/job.ts";
import { type Problem, toProblem } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Store } from "../stores/store.ts";

const hourMs = 3_600_000;

export interface RetainParts {
  readonly ledger: Pick<Ledger, "find">;
  /** The route that uploads take: its job for a key says whether its original is still needed. */
  readonly route: string;
  readonly inbox: Store;
  readonly results: Store;
}

/**
 * Removes results that nobody fetched and originals of dead uploads, once they are older than that time (ms since 1970).
 * The original of a job that still waits, for its turn or for a person, stays, however long veil was stopped.
 */
export async function retain({ ledger, route, inbox, results }: RetainParts, olderThan: number): Promise<void> {
  for await (const { key, modifiedAt } of results.list("")) if (modifiedAt < olderThan) await results.remove(key);
  for await (const { key, modifiedAt } of inbox.list("")) {
    if (modifiedAt >= olderThan) continue;
    // Of a job that was sent back or approved the old one changes last, and the new one needs the original.
    const { records } = await ledger.find({ route, key, limit: 10 });
    // What is held waits for a person, however long that takes.
    const needed = records.some(({ state }) => state === "held" || !isFinished(state));
    if (!needed) await inbox.remove(key);
  }
}

export interface KeepRetentionOptions extends RetainParts {
  readonly retainHours: number;
  /** Whether this process is to do it this time; of several over the same folders one is enough. */
  isMine?(): Promise<boolean>;
  /** Removes stale temporary files. */
  sweep(): Promise<void>;
  readonly signal: AbortSignal;
  readonly onProblem: (problem: Problem) => void;
}

/** At the start and every hour. */
export async function keepRetention(options: KeepRetentionOptions): Promise<void> {
  const { retainHours, isMine = async () => true, sweep, signal, onProblem } = options;
  const told = (error: unknown) => onProblem(toProblem(error));
  const clock = createBell();
  while (!signal.aborted) {
    const mine = await isMine().catch(told);
    if (mine) await retain(options, Date.now() - retainHours * hourMs).catch(told);
    await sweep().catch(told);
    await clock.wait(hourMs, signal);
  }
}
