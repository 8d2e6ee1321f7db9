import type { FileInfo } from "basic-ftp";
import type { Facts } from "./ftp-facts.ts";

/** What was asked of files whose listing tells no seconds: each costs a question and its answer. */
export interface Times {
  ask(key: string, listed: FileInfo, look: () => Promise<Facts | undefined>): Promise<Facts | undefined>;
}

interface Known {
  readonly size: number;
  readonly minute: string;
  readonly facts: Facts;
}

// Whoever changes an older file gives it another minute, or, after months, another year; clocks may differ by less.
const restMs = 3_600_000;
const mostKnown = 200_000;

export function createTimes(): Times {
  const known = new Map<string, Known>();
  return {
    async ask(key, { size, rawModifiedAt: minute }, look) {
      const before = known.get(key);
      if (before?.size === size && before.minute === minute) return before.facts;
      known.delete(key);
      const facts = await look();
      const isOld = facts !== undefined && Date.now() - facts.seconds * 1000 > restMs;
      if (!isOld || minute === "") return facts;
      if (known.size >= mostKnown) known.clear();
      known.set(key, { size, minute, facts });
      return facts;
    },
  };
}
