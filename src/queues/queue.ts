import type { Job, Lane } from "../core/job.ts";

/**
 * One lent job. Exactly one of `ack`, `retry` and `deadLetter` ends the loan. One that rejects with `queue-unavailable`
 * leaves it as it was, and may be asked for again.
 */
export interface Delivery {
  readonly job: Job;
  /** Aborted when the lease is lost: whatever is under way must not be delivered any more. */
  readonly signal: AbortSignal;
  ack(): Promise<void>;
  /** Lends the job again, not before `delayMs` from now. */
  retry(delayMs: number): Promise<void>;
  /** Takes the job out; the ledger's `dead` event is the list of dead letters. */
  deadLetter(): Promise<void>;
}

export interface ConsumeOptions {
  readonly lane: Lane;
  /** How many deliveries may be unsettled at once. */
  readonly prefetch: number;
  /**
   * Of which routes nothing is to be lent now. A queue that can't tell routes apart lends theirs nonetheless: whoever
   * takes a job must look as well, and send it back.
   */
  readonly paused?: () => readonly string[];
  /** Ends the iteration; what is unsettled stays lent until settled or its lease runs out. */
  readonly signal: AbortSignal;
}

/**
 * Carries jobs: names, never bytes, and no status. At least once; two live leases never hold one job that was published
 * once.
 */
export interface Queue {
  /** Whether it keeps, and lends, a second copy of a job that is published again. Absent: it does not. */
  readonly keepsCopies?: true;
  /**
   * Returns once the jobs are durable. Publishing a job that is already queued changes nothing; a broker keeps a second
   * copy, and lends each.
   */
  publish(jobs: readonly Job[], lane: Lane): Promise<void>;
  consume(options: ConsumeOptions): AsyncIterable<Delivery>;
  /** Jobs not settled yet, lent ones included; over a broker only those that this process holds. */
  depth?(lane: Lane): Promise<number>;
  close(): Promise<void>;
}
