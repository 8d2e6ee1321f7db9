import { toProblem } from "../errors.ts";
import type { ObjectInfo } from "../stores/store.ts";
import { createSettling, isWhole, type SettlingOptions } from "./settling.ts";
import type { Arrival, Source } from "./source.ts";

export interface ReconcileSourceOptions extends SettlingOptions {
  readonly name: string;
  readonly route: string;
  /** Those of the given objects that this route has no job for: the ledger's. */
  readonly unseen: (route: string, objects: readonly ObjectInfo[]) => Promise<readonly ObjectInfo[]>;
  readonly intervalMs: number;
  /** Told when a listing has come to its end. */
  readonly onPass?: () => void;
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
 * told and tried again at the next interval.
 */
export function createReconcileSource(options: ReconcileSourceOptions): ReconcileSource {
  const { name, route, store, unseen, intervalMs, settleMs = 500, onProblem, onPass } = options;
  const settling = createSettling(options);
  let asked = new AbortController();

  async function* pass(signal: AbortSignal): AsyncGenerator<readonly Arrival[]> {
    try {
      for await (const objects of batches(store.list(""))) {
        if (signal.aborted) return;
        const settled = await settledOf(await unseen(route, objects));
        if (settled.length > 0) yield settled;
      }
      onPass?.();
    } catch (error) {
      const problem = toProblem(error);
      if (problem.code !== "store-unavailable" && problem.code !== "store-denied") throw error;
      onProblem?.(problem);
    }
  }

  /** Judged at one look, by the store's clock, which may be wrong: only where that can do little harm. */
  async function hasSettled(info: ObjectInfo): Promise<boolean> {
    const ageMs = Date.now() - info.modifiedAt;
    if (ageMs < settleMs) return false;
    const whole = await isWhole(store, info);
    return whole === true || (whole === "unknown" && ageMs >= longAgoMs);
  }

  /** What has settled already; the rest is looked at again until it has. */
  async function settledOf(objects: readonly ObjectInfo[]): Promise<readonly Arrival[]> {
    const settled: Arrival[] = [];
    const rest = objects.values();
    const lookers = Array.from({ length: looksAtOnce }, async () => {
      for (const info of rest) {
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
        yield* pass(signal);
        const waiting = AbortSignal.any([signal, asked.signal]);
        const until = performance.now() + intervalMs;
        while (!waiting.aborted && performance.now() < until) {
          const batch = await settling.next(waiting, until);
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
