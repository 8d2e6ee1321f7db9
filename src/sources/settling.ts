import { createBell } from "../bell.ts";
import { headBytes, looksComplete, tailBytes } from "../core/sniff.ts";
import { unlessAborted } from "../core/until-aborted.ts";
import { type Problem, toProblem } from "../errors.ts";
import type { ObjectInfo, Store } from "../stores/store.ts";
import type { Arrival } from "./source.ts";

export interface SettlingOptions {
  readonly store: Store;
  /** How long an object must stay the same before it is taken. */
  readonly settleMs?: number;
  /** How long one without its format's end must stay the same: then it is announced all the same, to fail by name. */
  readonly incompleteMs?: number;
  /** Why an object may not be taken yet whatever it looks like, for example that its done-file is missing. */
  readonly waitsFor?: (key: string) => Promise<string | undefined>;
  /** Told how each object is judged, whenever that changes. */
  readonly onJudged?: (judgement: Judgement) => void;
  readonly onProblem?: (problem: Problem) => void;
}

/** How an object is judged, and why. */
export interface Judgement {
  readonly key: string;
  /** `waits`: somebody has to do something before it is taken. */
  readonly verdict: "taken" | "settling" | "waits" | "gone";
  readonly reason: string;
}

/** Objects that may still be written to, and the waiting for them. */
export interface Settling {
  /** Looks after a key; false: there are too many already, and the listing has to bring it again. */
  add(key: string): boolean;
  /** The next objects that have settled; none when the signal aborts or that moment (`performance.now`) comes first. */
  next(signal: AbortSignal, until?: number): Promise<readonly Arrival[]>;
  /** Lets go of what has been admitted. What has not is answered by `next` again. */
  admitted(arrivals: readonly Arrival[]): void;
}

interface Pending {
  version: string | undefined;
  changedAt: number | undefined;
  /** When this version was first seen, by our own clock: a file server's may be wrong. */
  since: number;
  lookAt: number;
  /** How often the key was added: a hint that comes during a look is about something newer. */
  hints: number;
  ready: boolean;
  /** The last judgement that was told. */
  told: string;
}

/** Why an object is taken at once. */
export const wholeByStore = "its store shows whole objects alone";
const maxPending = 10_000;
const maxBatch = 500;
const looksAtOnce = 16;
const storeRestMs = 5_000;
const tickMs = 100;
// Formats without an end mark (TIFF, text): a pause in the writing must not pass for its end.
const unmarkedSettles = 4;
// What waits for longer is brought again by the listing.
const longestWaitMs = 60_000;

export function createSettling(options: SettlingOptions): Settling {
  const { store, settleMs = 500, incompleteMs = 10_000, waitsFor, onJudged, onProblem } = options;
  const pending = new Map<string, Pending>();
  const bell = createBell();

  function tell(key: string, entry: Pending, verdict: Judgement["verdict"], reason: string): void {
    if (entry.told === `${verdict} ${reason}`) return;
    entry.told = `${verdict} ${reason}`;
    onJudged?.({ key, verdict, reason });
  }

  /** Looks at one key again; throws only when the whole store is out of reach. */
  async function look(key: string, entry: Pending): Promise<void> {
    const { hints } = entry;
    const info = await store.head(key).catch((error: unknown) => {
      const problem = toProblem(error);
      if (problem.code === "store-unavailable") throw problem;
      onProblem?.(problem);
      return undefined;
    });
    const now = performance.now();
    if (info === undefined) {
      tell(key, entry, "gone", "it is not there any more");
      return void pending.delete(key);
    }
    const { version, changedAt } = info;
    if (store.appearsWhole && (await waitsFor?.(key)) === undefined) {
      Object.assign(entry, { version, changedAt, ready: entry.hints === hints });
      return tell(key, entry, "taken", wholeByStore);
    }
    if (version !== entry.version || changedAt !== entry.changedAt) {
      if (entry.version !== undefined) tell(key, entry, "settling", "it still changes");
      Object.assign(entry, { version, changedAt, since: now, lookAt: onTick(now + settleMs) });
      return;
    }
    const quietMs = now - entry.since;
    if (quietMs < settleMs) {
      entry.lookAt = onTick(entry.since + settleMs);
      return;
    }
    const waiting = await waitsFor?.(key);
    if (waiting !== undefined) {
      tell(key, entry, "waits", waiting);
      entry.lookAt = onTick(now + Math.max(settleMs, quietMs / 2));
      if (quietMs > longestWaitMs) pending.delete(key);
      return;
    }
    const whole = await isWhole(store, info);
    const neededMs = whole === true ? settleMs : whole === false ? incompleteMs : settleMs * unmarkedSettles;
    entry.ready = quietMs >= neededMs && entry.hints === hints;
    const missing = whole === false ? "its format's end is missing" : "its format has no end mark";
    if (entry.ready)
      tell(key, entry, "taken", whole === true ? "unchanged and whole" : `unchanged for long; ${missing}`);
    else tell(key, entry, whole === false ? "waits" : "settling", missing);
    // Ever rarer looks: ten thousand cut-off files must not keep the store busy.
    entry.lookAt = onTick(Math.min(now + Math.max(settleMs, quietMs / 2), entry.since + neededMs));
  }

  async function lookAll(due: readonly (readonly [string, Pending])[], signal: AbortSignal): Promise<void> {
    const rest = due.values();
    const lookers = Array.from({ length: looksAtOnce }, async () => {
      for (const [key, entry] of rest) if (!signal.aborted) await look(key, entry);
    });
    const failed = (await Promise.allSettled(lookers)).find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
  }

  return {
    add(key) {
      const now = performance.now();
      const known = pending.get(key);
      if (known !== undefined) {
        const lookAt = Math.min(known.lookAt, onTick(now + settleMs));
        Object.assign(known, { lookAt, hints: known.hints + 1, ready: false });
      } else if (pending.size < maxPending) {
        pending.set(key, {
          ...{ version: undefined, changedAt: undefined, since: now, lookAt: onTick(now) },
          ...{ hints: 0, ready: false, told: "" },
        });
      } else {
        return false;
      }
      bell.ring();
      return true;
    },

    async next(signal, until = Number.POSITIVE_INFINITY) {
      while (!signal.aborted) {
        const now = performance.now();
        const due = [...pending].filter(([, entry]) => entry.lookAt <= now && !entry.ready).slice(0, maxBatch);
        try {
          await unlessAborted(lookAll(due, signal), signal);
        } catch (error) {
          if (signal.aborted) break;
          onProblem?.(toProblem(error));
          // Not the bell: hints keep ringing it, and the store would be asked with every one.
          await createBell().wait(storeRestMs, signal);
        }
        const ready = [...pending].filter(([, entry]) => entry.ready).slice(0, maxBatch);
        if (ready.length > 0) return ready.map(([key, { version }]) => ({ key, version: version! }));
        if (performance.now() >= until) break;
        const lookAt = [...pending.values()].reduce((least, entry) => Math.min(least, entry.lookAt), until);
        await bell.wait(Math.max(lookAt - performance.now(), 0), signal);
      }
      return [];
    },

    admitted(arrivals) {
      for (const { key, version } of arrivals) {
        const entry = pending.get(key);
        if (entry?.ready && entry.version === version) pending.delete(key);
      }
    },
  };
}

/** What is due at about the same time is looked at, and announced, together. */
function onTick(at: number): number {
  return (Math.floor(at / tickMs) + 1) * tickMs;
}

/** Whether an object's end is there. One that can't be read counts as cut off, so that it fails by name in the end. */
export async function isWhole(store: Store, info: ObjectInfo): Promise<boolean | "unknown"> {
  try {
    const head = await bytes(store, info, 0, headBytes);
    const tail =
      info.size <= headBytes ? head.subarray(-tailBytes) : await bytes(store, info, info.size - tailBytes, tailBytes);
    const whole = looksComplete(head, tail, info.size);
    // A server that preallocates and writes in any order leaves holes; some pictures have such stretches of their own.
    return whole === true && (await hasHole(store, info)) ? "unknown" : whole;
  } catch (error) {
    // Some servers say the same of one file that they can't open: it must not keep all others waiting.
    if (toProblem(error).code === "store-unavailable") await store.head("-").catch(() => Promise.reject(error));
    return false;
  }
}

const sampleBytes = 4096;

async function hasHole(store: Store, info: ObjectInfo): Promise<boolean> {
  if (info.size < 64 * sampleBytes) return false;
  for (const share of [0.25, 0.5, 0.75]) {
    const sample = await bytes(store, info, Math.floor(info.size * share), sampleBytes);
    if (sample.every((byte) => byte === 0)) return true;
  }
  return false;
}

async function bytes(store: Store, { key, version }: ObjectInfo, start: number, length: number): Promise<Buffer> {
  const { stream } = await store.get(key, { version, range: { start, end: start + length - 1 } });
  return Buffer.concat(await stream.toArray());
}
