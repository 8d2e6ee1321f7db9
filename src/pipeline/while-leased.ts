import { createBell } from "../bell.ts";
import { type Problem, toProblem } from "../errors.ts";
import type { Leases } from "../ledger/leases.ts";

export interface LeasedOptions {
  readonly leases: Leases;
  readonly name: string;
  readonly holder: string;
  readonly ttlMs: number;
  readonly onProblem: (problem: Problem) => void;
  /** Told whenever the work begins or ends here. */
  readonly onTurn?: (isMine: boolean) => void;
}

/** Runs work that only one process may do at a time; `onTurn` is told whenever it begins or ends here. */
export type RunAlone = (
  name: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
  onTurn?: (isMine: boolean) => void,
) => Promise<void>;

/**
 * Works while this process holds the lease, again and again, until the signal aborts; the work is told to end before
 * another process can have the lease. Rejects with what the work rejects with.
 */
export async function whileLeased(
  { leases, name, holder, ttlMs, onProblem, onTurn }: LeasedOptions,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const restMs = ttlMs / 3;
  // It ends that much before the lease: what it has begun needs a moment to stop.
  const validMs = ttlMs * 0.8;
  const clock = createBell();
  const told = (error: unknown) => {
    onProblem(toProblem(error));
    return undefined;
  };
  while (!signal.aborted) {
    const asked = performance.now();
    const fence = await leases.acquire(name, holder, ttlMs).catch(told);
    if (fence === undefined) {
      await clock.wait(restMs, signal);
      continue;
    }
    await hold(fence, asked);
    // Work that ends by itself is not begun again at once.
    await clock.wait(restMs, signal);
  }

  async function hold(fence: number, since: number): Promise<void> {
    const lost = new AbortController();
    let timer = expireAt(since + validMs);
    onTurn?.(true);
    const working = work(AbortSignal.any([signal, lost.signal])).finally(() => lost.abort());
    const stop = AbortSignal.any([signal, lost.signal]);
    const renewing = (async () => {
      const rest = createBell();
      while (!stop.aborted) {
        await rest.wait(restMs, stop);
        if (stop.aborted) return;
        const asked = performance.now();
        const renewed = await leases.renew(name, fence, ttlMs).catch(told);
        if (renewed === false) return lost.abort();
        if (renewed === undefined || stop.aborted) continue;
        clearTimeout(timer);
        timer = expireAt(asked + validMs);
      }
    })();
    try {
      await working;
    } finally {
      clearTimeout(timer);
      await renewing;
      onTurn?.(false);
      await leases.release(name, fence).catch(told);
    }

    function expireAt(time: number) {
      return setTimeout(() => lost.abort(), Math.max(0, time - performance.now()));
    }
  }
}
