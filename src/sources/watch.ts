import type { Problem } from "../errors.ts";
import type { Store } from "../stores/store.ts";
import { createSettling, type SettlingOptions } from "./settling.ts";
import type { Source } from "./source.ts";

export type WatchableStore = Store & Required<Pick<Store, "watch">>;

export interface WatchSourceOptions extends SettlingOptions {
  readonly name: string;
  readonly route: string;
  readonly store: WatchableStore;
  /** Told when hints may have been lost: at first, and when too many come at once. The listing knows better. */
  readonly onHintsLost: () => void;
  /** Whether the route takes an object; absent: every one. */
  readonly selects?: (key: string) => boolean;
  /** Whether an object says of others that they are whole: then the listing knows which. */
  readonly releases?: (key: string) => boolean;
  readonly onProblem?: (problem: Problem) => void;
}

/** Whether a store gives hints at all. */
export function canWatch(store: Store): store is WatchableStore {
  return store.watch !== undefined;
}

/** Announces what a store's own events point at, once it has settled. What was gone before is forgotten. */
export function createWatchSource(options: WatchSourceOptions): Source {
  const { name, route, store, onHintsLost, selects = () => true, releases = () => false } = options;
  const settling = createSettling(options);

  async function follow(signal: AbortSignal): Promise<void> {
    for await (const keys of store.watch(signal)) {
      const wanted = keys.filter(selects);
      const kept = wanted.filter((key) => settling.add(key));
      if (kept.length < wanted.length || keys.length === 0 || keys.some(releases)) onHintsLost();
    }
  }

  return {
    name,
    route,
    async *arrivals(signal) {
      const ended = new AbortController();
      const stop = AbortSignal.any([signal, ended.signal]);
      // Hints are taken in while a batch is being admitted, so that the store's own buffer stays small.
      const following = follow(stop).finally(() => ended.abort());
      following.catch(() => {});
      try {
        while (!stop.aborted) {
          const batch = await settling.next(stop);
          if (batch.length === 0) continue;
          yield batch;
          settling.admitted(batch);
        }
        await following;
      } finally {
        ended.abort();
        await following.catch(() => {});
      }
    },
  };
}
