import { type Readable, Transform } from "node:stream";
import { Problem } from "../errors.ts";

export interface MeasuredOptions {
  /** Whose body it is, for people: `x.jpg in archive`. */
  readonly what: string;
  /** Bytes that have to come. */
  readonly size: number;
  /** How long nothing may come while somebody waits for it. */
  readonly idleMs: number;
  /** A client's error in veil's words. */
  readonly translate: (error: unknown) => unknown;
}

/**
 * A body out of the network that ends only where it was said to: one that was cut short, or stands still, fails with
 * `store-unavailable`. Letting go of it lets go of its connection.
 */
export function measuredBody(source: Readable, { what, size, idleMs, translate }: MeasuredOptions): Readable {
  let got = 0;
  let last = performance.now();
  const cut = () => new Problem("store-unavailable", `${what} was cut off after ${got} of ${size} bytes`);
  const measured = new Transform({
    transform(chunk: Buffer, _, done) {
      got += chunk.length;
      last = performance.now();
      done(null, chunk);
    },
    flush(done) {
      done(got === size ? null : cut());
    },
  });
  // Whoever does not read has no reason to complain.
  const isWaiting = () => measured.readableLength === 0 && !source.isPaused();
  const watch = setInterval(() => {
    if (!isWaiting()) last = performance.now();
    else if (performance.now() - last > idleMs) {
      measured.destroy(new Problem("store-unavailable", `${what} stood still for ${idleMs} ms`));
    }
  }, idleMs / 4).unref();
  source.on("error", (error) => measured.destroy(translate(error) as Error));
  source.on("close", () => source.readableEnded || measured.destroy(cut()));
  measured.on("close", () => {
    clearInterval(watch);
    source.destroy();
  });
  return source.pipe(measured);
}
