import { setTimeout as sleep } from "node:timers/promises";
import { toProblem } from "../errors.ts";

/** A page of a listing, asked for again after each of these rests while the store is out of reach. */
export async function retryPage<T>(ask: () => Promise<T>, restsMs: readonly number[] = [200, 400, 800]): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      const restMs = restsMs[attempt];
      if (toProblem(error).code !== "store-unavailable" || restMs === undefined) throw error;
      await sleep(restMs);
    }
  }
}
