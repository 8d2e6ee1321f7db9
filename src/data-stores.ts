import { unlessAborted } from "./core/until-aborted.ts";
import { Problem } from "./errors.ts";
import type { Store } from "./stores/store.ts";

/** The stores in use, by name. */
export interface DataStores {
  /** In place of the one that had its name before, which is closed after a while: what is in work still uses it. */
  take(store: Store): Store;
  /** Problem: `not-found`. */
  storeOf(name: string): Store;
  /** Removes what interrupted puts left behind a day ago or earlier, in each store that is there; rejects as soon as the signal aborts. */
  sweep(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface DataStoresOptions {
  /** Told where a former one can't be closed. */
  readonly onProblem: (problem: Problem) => void;
  /** How long a former one stays open: what takes longer fails, and is tried again with the new one. */
  readonly formerMs?: number;
}

export function createDataStores({ onProblem, formerMs = 600_000 }: DataStoresOptions): DataStores {
  const inUse = new Map<string, Store>();
  const former = new Map<Store, NodeJS.Timeout>();

  async function closeFormer(store: Store): Promise<void> {
    former.delete(store);
    await store.close().catch((cause: unknown) => {
      onProblem(new Problem("store-unavailable", `The former store ${store.name} could not be closed`, { cause }));
    });
  }

  return {
    take(store) {
      const before = inUse.get(store.name);
      if (before !== undefined) former.set(before, setTimeout(closeFormer, formerMs, before));
      inUse.set(store.name, store);
      return store;
    },
    storeOf(name) {
      const store = inUse.get(name);
      if (store === undefined) throw new Problem("not-found", `There is no store ${JSON.stringify(name)}`);
      return store;
    },
    async sweep(signal) {
      const failed: unknown[] = [];
      for (const [name, store] of [...inUse]) {
        // veil leaves nothing in inputs, and looks for nothing of its own there.
        if (isInput(name) || store.sweep === undefined) continue;
        await unlessAborted(store.sweep(undefined, signal), signal).catch((error: unknown) => {
          signal.throwIfAborted();
          if (!isAway(error)) failed.push(error);
        });
      }
      if (failed.length > 0) throw failed[0];
    },
    async close() {
      for (const [store, timer] of [...former]) {
        clearTimeout(timer);
        await closeFormer(store);
      }
      for (const store of inUse.values()) await store.close();
    },
  };
}

function isInput(store: string): boolean {
  return store === "input" || store.endsWith("-input");
}

/** It is swept once it is there again, and let in or its settings put right: its route says so. */
function isAway(error: unknown): boolean {
  return error instanceof Problem && ["store-unavailable", "store-denied", "invalid-config"].includes(error.code);
}
