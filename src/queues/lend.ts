import type { Bell } from "../bell.ts";
import type { ConsumeOptions, Delivery } from "./queue.ts";

export interface LendOptions extends Pick<ConsumeOptions, "prefetch" | "signal"> {
  /** Takes up to `count` jobs that are due; calls `ended` once for each when its loan ends, settled or lost. */
  take(count: number, ended: () => void): Promise<readonly Delivery[]>;
  /** Returns jobs that were taken but never handed out. */
  giveBack(deliveries: readonly Delivery[]): Promise<void>;
  /** Rung when a job may be due. */
  readonly bell: Bell;
  /** The longest wait for a job that no ring announces. */
  readonly pollMs: number;
}

/** The loop under every `consume`: hands out jobs one by one, never more unsettled ones than `prefetch`. */
export async function* lend({ take, giveBack, bell, pollMs, prefetch, signal }: LendOptions): AsyncGenerator<Delivery> {
  let open = 0;
  const taken: Delivery[] = [];
  const ended = () => {
    open -= 1;
    bell.ring();
  };
  try {
    while (!signal.aborted) {
      if (taken.length === 0 && open < prefetch) {
        const deliveries = await take(prefetch - open, ended);
        open += deliveries.length;
        taken.push(...deliveries);
      }
      if (signal.aborted) break;
      const next = taken.shift();
      if (next === undefined) await bell.wait(pollMs, signal);
      else if (!next.signal.aborted) yield next;
    }
  } finally {
    await giveBack(taken);
  }
}
