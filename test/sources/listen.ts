import type { Arrival, Source } from "../../src/sources/source.ts";

/** Takes what a source announces, acknowledging each batch at once. */
export function listen(source: Source) {
  const stop = new AbortController();
  const batches: (readonly Arrival[])[] = [];
  const ended = (async () => {
    for await (const batch of source.arrivals(stop.signal)) batches.push(batch);
  })();
  return {
    batches,
    keys: () => batches.flat().map(({ key }) => key),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
    },
  };
}
