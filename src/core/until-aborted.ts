/** What some work comes to, or the signal's reason as soon as that aborts: the work then ends unheard. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    work.finally(() => signal.removeEventListener("abort", onAbort)).then(resolve, reject);
  });
}

/**
 * What `items` gives, until the signal aborts: then it fails with the signal's reason at once. `items` is closed as soon
 * as the step that it is at lets it be, and nobody waits for that.
 */
export async function* untilAborted<T>(items: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    while (true) {
      const next = await unlessAborted(iterator.next(), signal);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    const closing = iterator.return?.();
    if (signal.aborted) closing?.catch(() => {});
    else await closing;
  }
}
