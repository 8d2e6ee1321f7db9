import type { Serial } from "../core/serial.ts";
import { Problem, toProblem } from "../errors.ts";
import type { JobRecord, Ledger, LedgerEvent } from "../ledger/ledger.ts";
import type { ObjectInfo, Store } from "../stores/store.ts";
import { deliveredOf, placeOf, takeBack } from "./delivered.ts";

export interface RemovalParts {
  readonly ledger: Pick<Ledger, "find" | "append">;
  readonly route: string;
  readonly input: Pick<Store, "head">;
  readonly output: Store;
  /** That of the worker's puts: none slips in between a look and the removal. */
  readonly puts: Serial;
  /** Largest share of the outputs that goes at once without being confirmed. */
  readonly mostRemoved: number;
  /** How many removals somebody has confirmed; taking the answer uses it up. */
  readonly confirmed: () => Promise<number>;
  readonly now: () => number;
  /** Told after each removal is durable. */
  readonly observe: (job: JobRecord["job"], event: LedgerEvent) => void;
  /** Told of what was refused, once for each number of it. */
  readonly onRefused: (message: string) => void;
  readonly onProblem: (problem: Problem) => void;
}

/** Follows one listing after the other, and takes back the outputs of originals that are gone from two in a row. */
export interface Removals {
  seen(objects: readonly Pick<ObjectInfo, "key">[]): void;
  /** What begins so could not be looked at: it is not missed. */
  unknown(prefix: string): void;
  /** The listing was complete. What is due is taken back, until the signal aborts. */
  endOfPass(signal: AbortSignal): Promise<void>;
  /** The listing was not: what it did not meet says nothing. */
  abandon(): void;
  /** Whether the next look decides on something: the last one was the first to miss it. */
  waits(): boolean;
}

// What was still in work when its original went is met by a look that goes through all again.
const longestCalmMs = 600_000;
const restless = { print: "", at: Number.NEGATIVE_INFINITY };

export function createRemovals(parts: RemovalParts): Removals {
  const { ledger, route, input, output, puts, mostRemoved, confirmed, now, observe, onRefused, onProblem } = parts;
  let seen = new Set<number>();
  let unknown = new Set<string>();
  /** Those that the last pass did not meet. */
  let missedBefore = new Set<number>();
  let refused = 0;
  let isWaiting = false;
  /** The last look at which nothing was missing: what it met, and when that was. */
  let calm = restless;

  async function isGone({ job }: JobRecord): Promise<boolean> {
    try {
      return (await input.head(job.input.key)) === undefined;
    } catch (error) {
      const problem = toProblem(error);
      if (problem.code === "store-unavailable") throw problem;
      return false; // a folder that may not be looked into says nothing of what is in it
    }
  }

  async function remove(record: JobRecord): Promise<void> {
    if (!(await isGone(record))) return;
    await takeBack(output, record);
    const event = { jobId: record.job.id, kind: "removed" as const, at: now() };
    if (await ledger.append(event)) observe(record.job, event);
  }

  return {
    seen(objects) {
      for (const { key } of objects) seen.add(markOf(key));
    },

    unknown: (prefix) => void unknown.add(prefix),

    abandon() {
      seen = new Set();
      unknown = new Set();
      isWaiting = false;
    },

    waits: () => isWaiting,

    async endOfPass(signal) {
      const [met, hidden] = [seen, [...unknown]];
      seen = new Set();
      unknown = new Set();
      isWaiting = false;
      const isHidden = (key: string) => hidden.some((prefix) => key.startsWith(prefix));
      const print = printOf(met);
      // Going through all outputs of a large folder takes seconds: not with every look that meets the same.
      if (print === calm.print && now() >= calm.at && now() - calm.at < longestCalmMs) return;
      const known = new Set<number>();
      const missed = new Set<number>();
      const due: JobRecord[] = [];
      for await (const record of deliveredOf(ledger, route)) {
        const mark = markOf(record.job.input.key);
        known.add(mark);
        if (met.has(mark) || isHidden(record.job.input.key)) continue;
        missed.add(mark);
        if (missedBefore.has(mark)) due.push(record);
      }
      isWaiting = missed.size > due.length;
      missedBefore = missed;
      // Of an empty folder nothing is missing before the first output: that it is empty again says something else.
      calm = missed.size === 0 && met.size > 0 && hidden.length === 0 ? { print, at: now() } : restless;
      // An input without anything in it is one that was unmounted, emptied by mistake or exchanged.
      const allowed = met.size === 0 || mostRemoved === 0 ? 0 : Math.max(1, Math.floor(known.size * mostRemoved));
      const isAllowed = missed.size <= allowed || (due.length > 0 && missed.size <= (await confirmed()));
      if (!isAllowed) {
        if (refused !== missed.size) {
          onRefused(
            `${missed.size} of ${known.size} originals of route ${route} are gone at once: their masked pictures stay until that is confirmed`,
          );
        }
        refused = missed.size;
        return;
      }
      refused = 0;
      try {
        for (const record of due) {
          if (signal.aborted) return;
          await puts.run(placeOf(record.job), () => remove(record));
        }
      } catch (error) {
        onProblem(toProblem(error));
      }
    },
  };
}

/** What two looks that meet the same have in common. */
function printOf(marks: ReadonlySet<number>): string {
  let [low, high] = [0, 0];
  for (const mark of marks) {
    low ^= mark;
    high ^= Math.floor(mark / 4294967296);
  }
  return `${marks.size} ${low} ${high}`;
}

/** 53 bits of a key: a million of them are remembered in some 40 MB, and a chance likeness only ever keeps an output. */
function markOf(key: string): number {
  let [a, b] = [0xdeadbeef, 0x41c6ce57];
  for (let at = 0; at < key.length; at++) {
    const code = key.charCodeAt(at);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return 4294967296 * (2097151 & b) + (a >>> 0);
}

/** The Problem that says that removals were refused, and how to confirm them. */
export function refusedRemovals(route: string, message: string): Problem {
  return new Problem("store-unavailable", message, {
    remedy: `Look whether the folder is what it should be. If so: veil routes confirm ${route} NUMBER`,
  });
}
