import { setTimeout as sleep } from "node:timers/promises";
import { toProblem } from "../errors.ts";

export interface RetryPageOptions {
  /** Before each further attempt. */
  readonly restsMs?: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

/** A page of a listing, asked for again after each of these rests while the store is out of reach; fails with the signal's reason. */
export async function retryPage<T>(
  ask: () => Promise<T>,
  { restsMs = [200, 400, 800], signal }: RetryPageOptions = {},
): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    signal?.throwIfAborted();
    try {
      return await ask();
    } catch (error) {
      signal?.throwIfAborted();
      const restMs = restsMs[attempt];
      if (toProblem(error).code !== "store-unavailable" || restMs === undefined) throw error;
      await sleep(restMs, undefined, { signal }).catch(() => {});
    }
  }
}
