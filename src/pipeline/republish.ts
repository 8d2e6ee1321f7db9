import { createBell } from "../bell.ts";
import { type Problem, toProblem } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { type PublishParts, publish } from "./admit.ts";
import { longestDelayMs } from "./retry.ts";

export interface RepublishParts {
  readonly ledger: Pick<Ledger, "unstarted" | "unheard" | "published">;
  readonly queue: PublishParts["queue"];
}

const pageSize = 500;

/**
 * Publishes again what was admitted before that time (ms since 1970) and never started, and of a queue that was lost what
 * no retry can still be on its way for; answers how many.
 */
export async function republish({ ledger, queue }: RepublishParts, before: number): Promise<number> {
  let published = 0;
  let after: string | undefined;
  while (true) {
    const records = await ledger.unstarted(before, pageSize, after);
    await publish({ ledger, queue }, records);
    published += records.length;
    after = records.at(-1)?.job.id;
    if (records.length < pageSize) break;
  }
  while (true) {
    const records = await ledger.unheard(before - longestDelayMs, pageSize);
    await publish({ ledger, queue }, records);
    await ledger.published(records.map(({ job }) => job.id));
    published += records.length;
    if (records.length < pageSize) return published;
  }
}

export interface KeepRepublishingOptions extends RepublishParts {
  readonly republishAfterMs: number;
  readonly signal: AbortSignal;
  readonly onProblem: (problem: Problem) => void;
}

/** At the start everything unstarted, then on an interval what has waited for longer than that: a lost queue loses nothing. */
export async function keepRepublishing(options: KeepRepublishingOptions): Promise<void> {
  const { republishAfterMs, signal, onProblem } = options;
  const clock = createBell();
  for (let olderThanMs = -1; !signal.aborted; olderThanMs = republishAfterMs) {
    await republish(options, Date.now() - olderThanMs).catch((error: unknown) => onProblem(toProblem(error)));
    await clock.wait(republishAfterMs, signal);
  }
}
