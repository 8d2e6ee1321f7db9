import { type Bell, createBell } from "../bell.ts";
import type { Job, Lane } from "../core/job.ts";
import { Problem } from "../errors.ts";
import { lend } from "./lend.ts";
import type { Delivery, Queue } from "./queue.ts";

interface Entry {
  readonly job: Job;
  readonly lane: Lane;
  dueAt: number;
  loan?: symbol;
}

/** A queue in this process alone. It ends with the process, so a loan needs no lease: it lasts until it is settled. */
export function createMemoryQueue({ pollMs = 100 }: { readonly pollMs?: number } = {}): Queue {
  const entries = new Map<string, Entry>();
  const bells = new Map<Bell, Lane>();
  const closed = new AbortController();

  function ring(lane: Lane): void {
    for (const [bell, its] of bells) if (its === lane) bell.ring();
  }

  function take(lane: Lane, count: number, ended: () => void, paused: readonly string[]): readonly Delivery[] {
    const now = Date.now();
    const due: Delivery[] = [];
    for (const entry of entries.values()) {
      if (due.length === count) break;
      if (paused.includes(entry.job.route)) continue;
      if (entry.lane === lane && entry.loan === undefined && entry.dueAt <= now) due.push(loan(entry, ended));
    }
    return due;
  }

  function loan(entry: Entry, ended: () => void): Delivery {
    const token = Symbol(entry.job.id);
    entry.loan = token;
    const settle = async (then: () => void) => {
      if (entry.loan !== token || closed.signal.aborted) {
        throw new Problem("lease-lost", `The loan of job ${entry.job.id} has ended already`);
      }
      delete entry.loan;
      then();
      ended();
    };
    const remove = () => void entries.delete(entry.job.id);
    return {
      job: entry.job,
      signal: closed.signal,
      ack: () => settle(remove),
      deadLetter: () => settle(remove),
      retry: (delayMs) => settle(() => delay(entry, delayMs)),
    };
  }

  function delay(entry: Entry, delayMs: number): void {
    entry.dueAt = Date.now() + delayMs;
    ring(entry.lane);
  }

  return {
    async publish(jobs, lane) {
      const dueAt = Date.now();
      for (const job of jobs) if (!entries.has(job.id)) entries.set(job.id, { job, lane, dueAt });
      ring(lane);
    },

    async *consume({ lane, prefetch, signal, paused = () => [] }) {
      const bell = createBell();
      bells.set(bell, lane);
      try {
        yield* lend({
          take: async (count, ended) => take(lane, count, ended, paused()),
          giveBack: async (deliveries) => void (await Promise.all(deliveries.map((delivery) => delivery.retry(0)))),
          bell,
          pollMs,
          prefetch,
          signal: AbortSignal.any([signal, closed.signal]),
        });
      } finally {
        bells.delete(bell);
      }
    },

    async depth(lane) {
      return [...entries.values()].filter((entry) => entry.lane === lane).length;
    },

    async close() {
      closed.abort();
    },
  };
}
