import type { Job } from "../core/job.ts";
import type { KeptRegions } from "../core/kept-regions.ts";
import type { EventDetail, JobRecord, LedgerEvent } from "../ledger/ledger.ts";
import { reached } from "../points.ts";
import type { Delivery } from "../queues/queue.ts";
import type { Outcome } from "./attempt.ts";
import { type FinishParts, finish, finishGiven } from "./finish-job.ts";
import { nextStep, type RetryRules } from "./retry.ts";

export interface ConcludeParts extends FinishParts, RetryRules {
  /** Told after each event is durable; for logs and metrics. */
  observe(job: Job, event: LedgerEvent): void;
}

/** Settles the delivery, once the ledger has the outcome. */
export type Ending = () => Promise<void>;

/** The attempt that has ended. */
export interface Attempted {
  readonly number: number;
  /** How many attempts are used up with it. */
  readonly spent: number;
  /** Of its claim. */
  readonly fence: number;
}

/** Writes down how an attempt ended, and answers how the delivery is to be settled then. */
export async function conclude(
  parts: ConcludeParts,
  delivery: Delivery,
  outcome: Outcome,
  { number, spent, fence }: Attempted,
): Promise<Ending> {
  const { job } = delivery;
  if (outcome.kind !== "failed") {
    const regions = outcome.kind === "held" ? outcome.regions : undefined;
    const detail = { ...outcome.detail, attempt: number };
    if (!(await write(parts, job, outcome.kind, detail, { regions, fence }))) return () => yieldTo(parts, delivery);
    reached("recorded", job.id);
    const isGiven = outcome.kind === "done" || outcome.kind === "copied";
    if (isGiven) await buryOlder(parts, job);
    const since = parts.now();
    if (isGiven) return () => finishGiven(parts, delivery, outcome.detail, since);
    // A person is to look at what is held, or has decided: its original stays.
    const stays = outcome.kind === "held" || outcome.kind === "rejected";
    return () => (stays ? delivery.ack() : finish(parts, delivery, false));
  }
  const { code, message } = outcome.problem;
  const detail = { code, message, attempt: number, ...outcome.detail };
  const step = nextStep(outcome.problem, spent, parts);
  if (step.kind === "retry") {
    if (!(await write(parts, job, "failed", detail, { fence }))) return () => yieldTo(parts, delivery);
    return () => delivery.retry(step.delayMs);
  }
  if (!(await write(parts, job, "dead", detail, { fence }))) return () => yieldTo(parts, delivery);
  return () => finish(parts, delivery, true);
}

/** Settles a job whose attempts are used up, the last of which never ended. */
export async function giveUp(
  parts: ConcludeParts,
  delivery: Delivery,
  { attempts }: Pick<JobRecord, "attempts">,
  fence: number,
): Promise<void> {
  const message = `Given up after ${attempts} attempts; the last one did not end`;
  if (await write(parts, delivery.job, "dead", { code: "crashed", message, attempt: attempts }, { fence }))
    return delivery.deadLetter();
  return yieldTo(parts, delivery);
}

/** Another worker has taken the job over: this copy of it comes again, and finds it settled. */
function yieldTo({ retryDelayMs }: ConcludeParts, delivery: Delivery): Promise<void> {
  return delivery.retry(retryDelayMs);
}

/** A newer version that is done makes older dead letters and held jobs of its object void: nobody need look at them. */
async function buryOlder(parts: ConcludeParts, { route, input, generation }: Job): Promise<void> {
  const { records } = await parts.ledger.find({ route, key: input.key, states: ["dead", "held"], limit: 100 });
  for (const { job } of records) if (job.generation < generation) await write(parts, job, "superseded", {});
}

async function write(
  parts: ConcludeParts,
  job: Job,
  kind: LedgerEvent["kind"],
  detail: EventDetail,
  { regions, fence }: { readonly regions?: KeptRegions | undefined; readonly fence?: number } = {},
): Promise<boolean> {
  const event: LedgerEvent = { jobId: job.id, kind, at: parts.now(), ...detail };
  const written = await parts.ledger.append(event, regions, fence);
  if (written) parts.observe(job, event);
  return written;
}
