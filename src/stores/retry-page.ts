import { setTimeout as sleep } from "node:timers/promises";
import { toProblem } from "../errors.ts";

const attempts = 4;
const firstWaitMs = 200;

/** A page of a listing, asked for again a few times while the store is out of reach. */
export async function retryPage<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (toProblem(error).code !== "store-unavailable" || attempt === attempts) throw error;
      await sleep(firstWaitMs * 2 ** (attempt - 1));
    }
  }
}
