import type { Job } from "../core/job.ts";
import { type Problem, toProblem } from "../errors.ts";
import type { EventDetail } from "../ledger/ledger.ts";
import { reached } from "../points.ts";
import type { Delivery } from "../queues/queue.ts";
import type { DeliverParts } from "./deliver.ts";
import { settleOriginal } from "./originals.ts";
import type { Route } from "./route.ts";

export interface FinishParts extends DeliverParts {
  readonly routes: ReadonlyMap<string, Route>;
  readonly retryDelayMs: number;
  now(): number;
  /** Told about what failed beside a job. */
  onProblem(problem: Problem): void;
}

/** Times the first delay after a failure: a minute as it is by default. */
const originalRests = 60;
const originalPatienceMs = 86_400_000;

/**
 * Lets a job go whose result lies at its output since that time. What becomes of the original comes last: where that
 * fails for a while, the job waits in the queue until it is done.
 */
export async function finishGiven(
  parts: FinishParts,
  delivery: Delivery,
  detail: EventDetail,
  since: number,
): Promise<void> {
  const route = parts.routes.get(delivery.job.route);
  if (route?.originals === undefined) return finish(parts, delivery, false);
  try {
    await settleOriginal(parts, route, delivery.job, detail);
    reached("original-settled", delivery.job.id);
  } catch (error) {
    const problem = toProblem(error);
    parts.onProblem(problem);
    if (problem.retry && parts.now() - since < originalPatienceMs)
      return delivery.retry(parts.retryDelayMs * originalRests);
  }
  return finish(parts, delivery, false);
}

/** What is settled leaves the queue; an upload's original goes with it, but for a dead one, which may be retried. */
export async function finish(parts: FinishParts, delivery: Delivery, dead: boolean): Promise<void> {
  if (dead) return delivery.deadLetter();
  // The job is done whether or not this works; retention removes what is left.
  await removeInput(parts, delivery.job).catch((error: unknown) => parts.onProblem(toProblem(error)));
  return delivery.ack();
}

async function removeInput({ routes, storeOf }: FinishParts, { route, input }: Job): Promise<void> {
  if (!routes.get(route)?.removeInput) return;
  const store = storeOf(input.store);
  if ((await store.head(input.key))?.version === input.version) await store.remove(input.key);
}
