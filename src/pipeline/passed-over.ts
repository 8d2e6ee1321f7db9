import type { Problem } from "../errors.ts";

/** What a folder's comparison with the ledger could not take: nothing that a job could stand for. */
export interface PassedOver {
  /** Takes note of a problem; answers whether it is a new one, to be told. */
  report(problem: Pick<Problem, "message">): boolean;
  /** An object waits for somebody to do something, and why; undefined: not any more. */
  waits(key: string, reason: string | undefined): void;
  /** A comparison has met these objects: what waits and is met no more is gone. */
  listed(objects: readonly { readonly key: string }[]): void;
  /** A comparison has ended: what it did not meet again is over. */
  endOfPass(): void;
  /** All that the last comparison met and all that waits, in words. */
  current(): readonly string[];
}

const maxWaiting = 1000;

/** Remembers what is passed over from one comparison to the next, so that each is told once and shown while it lasts. */
export function createPassedOver(): PassedOver {
  let last = new Set<string>();
  let now = new Set<string>();
  const waiting = new Map<string, { reason: string; isMet: boolean }>();
  return {
    report({ message }) {
      const fresh = !last.has(message) && !now.has(message);
      now.add(message);
      return fresh;
    },
    waits(key, reason) {
      if (reason === undefined) waiting.delete(key);
      else if (waiting.has(key) || waiting.size < maxWaiting) waiting.set(key, { reason, isMet: true });
    },
    listed(objects) {
      if (waiting.size === 0) return;
      for (const { key } of objects) {
        const entry = waiting.get(key);
        if (entry !== undefined) entry.isMet = true;
      }
    },
    endOfPass() {
      last = now;
      now = new Set();
      for (const [key, entry] of waiting) {
        if (!entry.isMet) waiting.delete(key);
        // A new one met no listing yet: only the next one tells.
        entry.isMet = false;
      }
    },
    current: () => [
      ...last.union(now),
      ...Array.from(waiting, ([key, { reason }]) => `${JSON.stringify(key)} is waited for: ${reason}`),
    ],
  };
}
