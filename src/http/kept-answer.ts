/**
 * Asks once at a time: whoever wants an answer meanwhile, or within `ms` after it, is given the same one. One that failed
 * is given to those who waited for it, and not kept.
 */
export function keptAnswer<T>(ask: () => Promise<T>, ms = 0): () => Promise<T> {
  let asked: Promise<T> | undefined;
  let goodUntil = Number.POSITIVE_INFINITY;
  return () => {
    if (asked !== undefined && performance.now() < goodUntil) return asked;
    goodUntil = Number.POSITIVE_INFINITY;
    const mine = ask();
    asked = mine;
    mine.then(
      () => {
        goodUntil = performance.now() + ms;
      },
      () => {
        asked = undefined;
      },
    );
    return mine;
  };
}
