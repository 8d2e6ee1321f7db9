import { unlessAborted, untilAborted } from "../core/until-aborted.ts";
import { type Problem, toProblem } from "../errors.ts";
import type { ObjectInfo } from "../stores/store.ts";
import { createSettling, isWhole, type SettlingOptions, wholeByStore } from "./settling.ts";
import type { Arrival, Source } from "./source.ts";

export interface ReconcileSourceOptions extends SettlingOptions {
  readonly name: string;
  readonly route: string;
  /** Those of the given objects that this route has no job for: the ledger's. */
  readonly unseen: (route: string, objects: readonly ObjectInfo[]) => Promise<readonly ObjectInfo[]>;
  /** From the end of a pass to the next one's start. Asked each time, with how long the pass took. */
  readonly intervalMs: number | ((tookMs: number) => number);
  /** Whether the route takes an object; absent: every one. */
  readonly selects?: (key: string) => boolean;
  /** Told of every object of a listing, taken or not. */
  readonly onListed?: (objects: readonly ObjectInfo[]) => void;
  /** Told of a key, or of a folder by a slash at its end, that a listing could not look at. */
  readonly onUnknown?: (prefix: string) => void;
  /** Told when a listing has come to its end, and how long it took; never of one that was cut off. */
  readonly onPass?: (tookMs: number, signal: AbortSignal) => void | Promise<void>;
  /** Told when a listing could not be brought to its end. */
  readonly onBroken?: (problem: Problem) => void;
}

export interface ReconcileSource extends Source {
  /** Starts a pass now, or another one after the present one. */
  lookNow(): void;
}

const batchSize = 500;
const looksAtOnce = 16;
const longAgoMs = 3_600_000;

/**
 * Lists the store at the start and on an interval, and announces what the ledger has not seen. A store out of reach is
 * told and tried again at the next interval. When the signal aborts, nobody waits for the store.
 */
export function createReconcileSource(options: ReconcileSourceOptions): ReconcileSource {
  const { name, route, store, unseen, intervalMs, settleMs = 500, onProblem } = options;
  const { selects, onListed, onUnknown, onPass, onBroken, waitsFor, onJudged } = options;
  const settling = createSettling(options);
  let asked = new AbortController();

  async function* pass(signal: AbortSignal): AsyncGenerator<readonly Arrival[]> {
    const began = performance.now();
    try {
      for await (const objects of untilAborted(batches(store.list("", { signal, onUnknown })), signal)) {
        onListed?.(objects);
        const wanted = selects ? objects.filter(({ key }) => selects(key)) : objects;
        if (wanted.length === 0) continue;
        const settled = await unlessAborted(settledOf(await unseen(route, wanted), signal), signal);
        if (settled.length > 0) yield settled;
      }
      if (signal.aborted) return;
      await onPass?.(performance.now() - began, signal);
    } catch (error) {
      if (signal.aborted) return;
      const problem = toProblem(error);
      if (!["store-unavailable", "store-denied", "invalid-config"].includes(problem.code)) throw error;
      (onBroken ?? onProblem)?.(problem);
    }
  }

  /** Judged at one look, by the store's clock, which may be wrong: only where that can do little harm. */
  async function hasSettled(info: ObjectInfo): Promise<boolean> {
    if (store.appearsWhole) {
      const isFree = (await waitsFor?.(info.key)) === undefined;
      if (isFree) onJudged?.({ key: info.key, verdict: "taken", reason: wholeByStore });
      return isFree;
    }
    // A copy may carry its source's old modification time.
    const ageMs = Date.now() - Math.max(info.modifiedAt, info.changedAt ?? 0);
    if (ageMs < settleMs || (await waitsFor?.(info.key)) !== undefined) return false;
    const whole = await isWhole(store, info);
    const isSettled = whole === true || (whole === "unknown" && ageMs >= longAgoMs);
    const reason = whole === true ? "unchanged and whole" : "unchanged for long; its format has no end mark";
    if (isSettled) onJudged?.({ key: info.key, verdict: "taken", reason });
    return isSettled;
  }

  /** What has settled already; the rest is looked at again until it has. */
  async function settledOf(objects: readonly ObjectInfo[], signal: AbortSignal): Promise<readonly Arrival[]> {
    const settled: Arrival[] = [];
    const rest = objects.values();
    const lookers = Array.from({ length: looksAtOnce }, async () => {
      for (const info of rest) {
        if (signal.aborted) return;
        if (await hasSettled(info)) settled.push({ key: info.key, version: info.version });
        // When there are too many, the next pass brings it again.
        else settling.add(info.key);
      }
    });
    await Promise.all(lookers);
    return settled;
  }

  return {
    name,
    route,
    lookNow: () => asked.abort(),
    async *arrivals(signal) {
      while (!signal.aborted) {
        asked = new AbortController();
        const began = performance.now();
        yield* pass(signal);
        const ended = performance.now();
        const waiting = AbortSignal.any([signal, asked.signal]);
        const until = ended + (typeof intervalMs === "number" ? intervalMs : intervalMs(ended - began));
        // Whoever asks for look after look gets one for each rest of the same length: a large bucket is not listed all the time.
        const soonest = Math.min(until, ended + (ended - began));
        const due = () => performance.now() >= (asked.signal.aborted ? soonest : until);
        while (!signal.aborted && !due()) {
          const [wait, end] = asked.signal.aborted ? [signal, soonest] : [waiting, until];
          const batch = await settling.next(wait, end);
          if (batch.length === 0) continue;
          yield batch;
          settling.admitted(batch);
        }
      }
    },
  };
}

async function* batches(objects: AsyncIterable<ObjectInfo>): AsyncGenerator<readonly ObjectInfo[]> {
  let batch: ObjectInfo[] = [];
  for await (const info of objects) {
    if (batch.push(info) < batchSize) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
