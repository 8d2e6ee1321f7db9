import { createBell } from "../bell.ts";
import { isFinished } from "../core/job.ts";
import { untilAborted } from "../core/until-aborted.ts";
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
 * The original of a job that still waits, for its turn or for a person, stays, however long veil was stopped. Rejects with
 * the signal's reason when that aborts.
 */
export async function retain(
  { ledger, route, inbox, results }: RetainParts,
  olderThan: number,
  signal: AbortSignal,
): Promise<void> {
  const listed = (store: Store) => untilAborted(store.list("", { signal }), signal);
  for await (const { key, modifiedAt } of listed(results)) if (modifiedAt < olderThan) await results.remove(key);
  for await (const { key, modifiedAt } of listed(inbox)) {
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
  /** Removes stale temporary files; rejects as soon as the signal aborts. */
  sweep(signal: AbortSignal): Promise<void>;
  readonly signal: AbortSignal;
  readonly onProblem: (problem: Problem) => void;
}

/** At the start and every hour, until the signal aborts: nobody waits for a store then. */
export async function keepRetention(options: KeepRetentionOptions): Promise<void> {
  const { retainHours, isMine = async () => true, sweep, signal, onProblem } = options;
  const told = (error: unknown) => {
    if (!signal.aborted) onProblem(toProblem(error));
  };
  const clock = createBell();
  while (!signal.aborted) {
    const mine = await isMine().catch(told);
    if (mine) await retain(options, Date.now() - retainHours * hourMs, signal).catch(told);
    if (!signal.aborted) await sweep(signal).catch(told);
    await clock.wait(hourMs, signal);
  }
}
