import { createBell } from "../bell.ts";
import { type Problem, toProblem } from "../errors.ts";
import type { Ledger, LedgerEvent } from "../ledger/ledger.ts";

/** A job that this worker has started, and nobody else may. */
export interface HeldClaim extends Disposable {
  /** What the ledger knows the start by: goes with all that follows on it. */
  readonly fence: number;
  /** Aborted when another worker has taken the job over. */
  readonly signal: AbortSignal;
  /** False: another worker has taken the job over. Else it is this one's for the whole time again. */
  renew(): Promise<boolean>;
}

export interface Claims {
  /** Records the start and claims the job. Undefined: it may not be started, or another worker is at it. */
  start(event: LedgerEvent): Promise<HeldClaim | undefined>;
  /** When to look again, in milliseconds, since another worker's claim lasts as long or longer; 0: nobody else is at it. */
  othersMs(jobId: string): Promise<number>;
  /** Renews what is in work, until the signal aborts and nothing is in work any more. */
  run(signal: AbortSignal): Promise<void>;
}

export interface ClaimsOptions {
  readonly ledger: Pick<Ledger, "start" | "claimedMs" | "renew">;
  readonly holder: string;
  readonly ttlMs: number;
  readonly onProblem: (problem: Problem) => void;
}

/** What a worker holds. A job that is done sooner than a third of the claim's time costs no renewal. */
export function createClaims({ ledger, holder, ttlMs, onProblem }: ClaimsOptions): Claims {
  const held = new Map<string, { readonly fence: number; readonly lost: AbortController; due: number }>();
  const restMs = ttlMs / 3;
  const ended = createBell();

  async function renewDue(): Promise<void> {
    const now = performance.now();
    const due = [...held].filter(([, claim]) => claim.due <= now);
    if (due.length === 0) return;
    const gone = await ledger.renew(
      due.map(([jobId, { fence }]) => ({ jobId, fence })),
      ttlMs,
    );
    for (const [jobId, claim] of due) {
      claim.due = now + restMs;
      if (gone.includes(jobId)) claim.lost.abort();
    }
  }

  return {
    async start(event) {
      const { jobId } = event;
      const due = performance.now() + restMs;
      const fence = await ledger.start(event, { holder, ttlMs });
      if (fence === undefined) return undefined;
      const lost = new AbortController();
      held.set(jobId, { fence, lost, due });
      return {
        fence,
        signal: lost.signal,
        async renew() {
          const gone = await ledger.renew([{ jobId, fence }], ttlMs);
          return gone.length === 0;
        },
        [Symbol.dispose]() {
          held.delete(jobId);
          if (held.size === 0) ended.ring();
        },
      };
    },
    // However long it says to be: nobody waits longer for the next look.
    othersMs: async (jobId) => Math.min(await ledger.claimedMs(jobId, holder), ttlMs),
    async run(signal) {
      const never = new AbortController().signal;
      while (!signal.aborted || held.size > 0) {
        // What was not renewed in time may be taken over: the look before each delivery tells.
        await renewDue().catch((error: unknown) => onProblem(toProblem(error)));
        await ended.wait(restMs / 2, signal.aborted ? never : signal);
      }
    },
  };
}
