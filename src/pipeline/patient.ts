import { createBell } from "../bell.ts";
import { type Problem, toProblem } from "../errors.ts";
import type { Delivery } from "../queues/queue.ts";

export interface PatienceParts {
  /** The worker is to end: it waits no more. */
  readonly stop: AbortSignal;
  readonly onProblem: (problem: Problem) => void;
  /** Before the second try; each further one waits twice as long. */
  readonly restMs?: number;
}

const longestRestMs = 60_000;

/**
 * A loan that outlasts a queue which takes nothing for a while, because it is full, blocked or away: its end is asked
 * for again and again, and its place in the prefetch stays taken, so that not more and more is begun. What is not settled
 * when the loan or the worker ends, the queue lends again.
 */
export function patient(delivery: Delivery, { stop, onProblem, restMs = 1000 }: PatienceParts): Delivery {
  const { job, signal } = delivery;
  async function insist(end: () => Promise<void>): Promise<void> {
    const clock = createBell();
    for (let waitMs = restMs; ; waitMs = Math.min(waitMs * 2, longestRestMs)) {
      try {
        return await end();
      } catch (error) {
        const problem = toProblem(error);
        if (problem.code !== "queue-unavailable" || signal.aborted) throw error;
        if (waitMs === restMs || waitMs === longestRestMs) onProblem(problem);
      }
      await clock.wait(waitMs, AbortSignal.any([stop, signal]));
      if (stop.aborted) return;
    }
  }
  return {
    ...{ job, signal, ack: () => delivery.ack() },
    retry: (delayMs) => insist(() => delivery.retry(delayMs)),
    deadLetter: () => insist(() => delivery.deadLetter()),
  };
}
