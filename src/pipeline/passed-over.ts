import type { Problem } from "../errors.ts";

/** What a folder's comparison with the ledger could not take: nothing that a job could stand for. */
export interface PassedOver {
  /** Takes note of a problem; answers whether it is a new one, to be told. */
  report(problem: Problem): boolean;
  /** A comparison has ended: what it did not meet again is over. */
  endOfPass(): void;
  /** All that the last comparison met, in words. */
  current(): readonly string[];
}

/** Remembers what is passed over from one comparison to the next, so that each is told once and shown while it lasts. */
export function createPassedOver(): PassedOver {
  let last = new Set<string>();
  let now = new Set<string>();
  return {
    report({ message }) {
      const fresh = !last.has(message) && !now.has(message);
      now.add(message);
      return fresh;
    },
    endOfPass() {
      last = now;
      now = new Set();
    },
    current: () => [...last.union(now)],
  };
}
