import type { Problem } from "../errors.ts";
import type { LedgerEvent } from "../ledger/ledger.ts";

export type NextStep = { readonly kind: "retry"; readonly delayMs: number } | { readonly kind: "dead" };

/**
 * How many attempts a job has used up. One that did not end, because the service died or lost its lease, counts if the
 * job was in work alone; among others it may have been any of them.
 */
export function spentAttempts(history: readonly Pick<LedgerEvent, "kind" | "alone">[]): number {
  const spent = history.filter(({ kind, alone }, index) => {
    const next = history[index + 1]?.kind;
    return kind === "started" && (alone === true || (next !== undefined && next !== "started"));
  });
  return spent.length;
}

export interface RetryRules {
  /** Attempts beyond the first. */
  readonly maxRetries: number;
  /** Before the second attempt; each further one waits five times as long. */
  readonly retryDelayMs: number;
  /** 0 to 1, for jitter. */
  random(): number;
}

const growth = 5;
const jitter = 0.25;
const maxDelayMs = 3_600_000;
/** Of a failed job nothing may be heard for as long, and its copy in the queue not be lost. */
export const longestDelayMs = maxDelayMs * (1 + jitter);

/** What follows a failed attempt, the `attempts`th: permanent problems are dead at once, others after their retries. */
export function nextStep(problem: Problem, attempts: number, rules: RetryRules): NextStep {
  if (!problem.retry || attempts > rules.maxRetries) return { kind: "dead" };
  const delayMs = Math.min(rules.retryDelayMs * growth ** (attempts - 1), maxDelayMs);
  // Jobs that failed together must not come back together.
  return { kind: "retry", delayMs: Math.round(delayMs * (1 - jitter + 2 * jitter * rules.random())) };
}
