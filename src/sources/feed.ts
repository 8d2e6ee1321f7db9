/** Messages of stores about their objects, out of a broker. */
export interface Feed {
  readonly name: string;
  /** Whether the broker is there, lets veil in, and has what is to be read. Problem: `queue-unavailable`, within that time. */
  check(withinMs: number): Promise<void>;
  /**
   * Hands each message over until the signal aborts, and acknowledges it once `take` has resolved; one that `take`
   * rejects comes again. Comes back by itself to a broker that was away, and never rejects for it.
   */
  run(take: (message: string) => Promise<void>, signal: AbortSignal): Promise<void>;
}
