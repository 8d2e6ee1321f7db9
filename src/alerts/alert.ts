import type { JobState } from "../core/job.ts";
import type { ProblemClass } from "../errors.ts";

/** Something that a person should know. It names routes, jobs and codes: never pictures, names of files, or secrets. */
export interface Alert {
  /** For example `dead-letter`, `room`, `leak-rate`, `route-silent`, `disk`, `share-gone`. */
  readonly kind: string;
  readonly route?: string;
  /** One sentence. */
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** A route in the daily summary. */
export interface SummaryRow {
  readonly route: string;
  /** How jobs ended in the last day. */
  readonly ended: Readonly<Partial<Record<JobState, number>>>;
  readonly waiting: number;
  /** Milliseconds since 1970; absent: none waits. */
  readonly oldestWaitingAt?: number;
  /** All dead letters, by class. */
  readonly dead: Readonly<Partial<Record<ProblemClass, number>>>;
}

/** What a channel carries. */
export interface AlertMessage extends Alert {
  /** Stays the same when it is sent again. */
  readonly id: string;
  /** How many alerts of this kind and route it stands for. */
  readonly count: number;
  /** Of the daily summary alone. */
  readonly summary?: readonly SummaryRow[];
}

/** A way to people outside. Failures are Problems of class store or request. */
export interface AlertChannel {
  readonly name: string;
  /** Least time between two deliveries, each of all that waits; 0: each message by itself, at once. */
  readonly digestMs: number;
  /** Returns once the other side has taken them. */
  send(messages: readonly AlertMessage[], signal: AbortSignal): Promise<void>;
}
