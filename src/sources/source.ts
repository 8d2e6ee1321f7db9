import type { ObjectInfo } from "../stores/store.ts";

/** An object that a source announces, on the route that the source belongs to. */
export type Arrival = Pick<ObjectInfo, "key" | "version">;

/**
 * Announces objects in batches. `yield` is the acknowledgement: the code behind it runs once the batch is durable, and
 * the generator's `finally` runs when it is not.
 */
export interface Source {
  readonly name: string;
  readonly route: string;
  arrivals(signal: AbortSignal): AsyncIterable<readonly Arrival[]>;
}
