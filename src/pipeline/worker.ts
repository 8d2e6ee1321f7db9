import { isFinished, type Job, type JobState, type Lane, lanes } from "../core/job.ts";
import type { KeptRegions } from "../core/kept-regions.ts";
import { createSerial, type Serial } from "../core/serial.ts";
import { Problem, toProblem } from "../errors.ts";
import type { EventDetail, LedgerEvent } from "../ledger/ledger.ts";
import { reached } from "../points.ts";
import type { Delivery, Queue } from "../queues/queue.ts";
import { type AttemptParts, attempt, type Outcome } from "./attempt.ts";
import { type Claims, createClaims } from "./claims.ts";
import { settleOriginal } from "./originals.ts";
import type { Pace } from "./pace.ts";
import { patient } from "./patient.ts";
import { createPausedRounds } from "./paused-rounds.ts";
import { nextStep, spentAttempts } from "./retry.ts";
import type { Route } from "./route.ts";
import { createStuckRoutes, type StuckRoutes, type StuckRoutesOptions } from "./stuck-routes.ts";
import { createTurns, type Turns } from "./turns.ts";

export interface WorkerParts extends AttemptParts {
  readonly queue: Queue;
  readonly routes: ReadonlyMap<string, Route>;
  /** Jobs in work at once, for each lane. */
  readonly concurrency: number;
  /** When a lane may begin its next job. */
  readonly pace: Pace;
  readonly maxRetries: number;
  readonly retryDelayMs: number;
  /** What other processes over the same ledger know this one by; its successor on the same host may have the same. */
  readonly holder?: string;
  /** How long a job stays this process's own if it does not say a word. */
  readonly claimMs?: number;
  /** When a route's store counts as stuck, and for how long it rests first. */
  readonly stuckAfter?: Pick<StuckRoutesOptions, "slowMs" | "restMs">;
  now(): number;
  /** 0 to 1, for jitter. */
  random(): number;
  /** Told about what failed beside a job. */
  onProblem(problem: Problem): void;
  /** Told after each event is durable; for logs and metrics. */
  observe(job: Job, event: LedgerEvent): void;
}

/**
 * Works both lanes until the signal aborts, then finishes what it holds. Rejects when the ledger or the queue fails:
 * then the process must stop, and the leases bring the jobs back.
 */
export async function runWorker(parts: WorkerParts, signal: AbortSignal): Promise<void> {
  // One lane's fault stops the other.
  const fault = new AbortController();
  const stop = AbortSignal.any([signal, fault.signal]);
  const turns = createTurns();
  // Of a job that a queue keeps twice the second copy waits, and finds it finished.
  const copies = createSerial();
  const { ledger, holder = "worker", claimMs = 15_000, onProblem } = parts;
  const stuck = createStuckRoutes({ uptime: () => performance.now(), ...parts.stuckAfter });
  const claims = createClaims({ ledger, holder, ttlMs: claimMs, onProblem });
  const ended = new AbortController();
  const renewing = claims.run(ended.signal);
  const results = await Promise.allSettled(
    lanes.map((lane) =>
      runLane({ ...parts, claims, turns, stuck }, copies, lane, stop).catch((error: unknown) => {
        fault.abort();
        throw error;
      }),
    ),
  );
  ended.abort();
  await renewing;
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

interface LaneParts extends WorkerParts {
  readonly claims: Claims;
  readonly turns: Turns;
  readonly stuck: StuckRoutes;
}

async function runLane(parts: LaneParts, copies: Serial, lane: Lane, signal: AbortSignal): Promise<void> {
  const working = new Set<Promise<void>>();
  let fault: { readonly error: unknown } | undefined;
  const fell = new AbortController();
  // What a person waits for is tried at once, whatever its store did before.
  const pausedNow = () => [...parts.pace.pausedRoutes(lane), ...(lane === "bulk" ? parts.stuck.resting() : [])];
  const deliveries = parts.queue.consume({
    lane,
    prefetch: parts.concurrency,
    paused: pausedNow,
    signal: AbortSignal.any([signal, fell.signal]),
  });
  // A fault of another job ends the wait too.
  const stop = AbortSignal.any([signal, fell.signal]);
  const pausedMs = createPausedRounds(pausedNow, parts.now);
  for await (const lent of deliveries) {
    const delivery = patient(lent, { stop, onProblem: parts.onProblem });
    const { job } = delivery;
    // What is paused takes nobody's turn.
    if (pausedMs(job.route) === undefined) {
      await parts.pace.ready(lane, delivery.signal.aborted ? stop : AbortSignal.any([stop, delivery.signal]));
    }
    if (delivery.signal.aborted) continue;
    const restMs = stop.aborted ? 0 : pausedMs(job.route);
    const settling = restMs === undefined ? copies.run(job.id, () => settle(parts, delivery)) : delivery.retry(restMs);
    const work = settling
      .catch((error: unknown) => {
        // A lost lease is no fault of ours: whoever holds it now settles the job.
        if (delivery.signal.aborted) return;
        fault ??= { error };
        fell.abort();
      })
      .finally(() => {
        working.delete(work);
        reached("over", job.id);
      });
    working.add(work);
  }
  await Promise.all(working);
  if (fault) throw fault.error;
}

const keepsOriginal: readonly JobState[] = ["held", "approved", "redriven", "rejected"];

async function settle(parts: LaneParts, delivery: Delivery): Promise<void> {
  const { ledger, maxRetries, claims, turns } = parts;
  const { job } = delivery;
  const record = await ledger.get(job.id);
  reached("lent", job.id, record?.state);
  if (record === undefined) {
    // Nobody knows whether its original is masked anywhere: that stays.
    parts.onProblem(strangerProblem(job));
    return delivery.ack();
  }
  // Its original is still needed, by a person or by its successor, or a person wants it to stay.
  if (keepsOriginal.includes(record.state)) return delivery.ack();
  if (isFinished(record.state)) {
    if (record.state === "done" || record.state === "copied")
      return finishGiven(parts, delivery, record.last, record.updatedAt);
    return finish(parts, delivery, record.state === "dead");
  }

  const busyMs = record.state === "started" ? await claims.othersMs(job.id) : 0;
  if (busyMs > 0) return delivery.retry(busyMs);

  // Attempts are counted before the engine is called: a job that kills the service can't loop.
  const spent = record.attempts === 0 ? 0 : spentAttempts(await ledger.history(job.id));
  const { fence } = record;
  if (fence !== undefined && spent > maxRetries) {
    const message = `Given up after ${record.attempts} attempts; the last one did not end`;
    if (await write(parts, job, "dead", { code: "crashed", message, attempt: record.attempts }, { fence }))
      return delivery.deadLetter();
    return yieldTo(parts, delivery);
  }
  const number = record.attempts + 1;
  const route = parts.routes.get(job.route);
  // Its last attempt did not end: the next one shows whether that was its own doing, and harms no other job.
  const alone = record.state === "started";
  const end = await turns[alone ? "alone" : "together"](async (): Promise<Ending> => {
    if (delivery.signal.aborted) return leave;
    const event = {
      jobId: job.id,
      kind: "started" as const,
      at: parts.now(),
      attempt: number,
      ...(alone && { alone }),
    };
    using claim = await claims.start(event);
    if (claim === undefined) {
      const restMs = await claims.othersMs(job.id);
      return () => (restMs > 0 ? delivery.retry(restMs) : delivery.ack());
    }
    parts.observe(job, event);
    reached("started", job.id);
    const signal = AbortSignal.any([delivery.signal, claim.signal]);
    const outcome = await attemptHeard(parts, { job, lane: record.lane, route, signal, claim });
    // Whoever holds the lease now writes the story on.
    if (delivery.signal.aborted) return leave;
    return await conclude(parts, delivery, outcome, { number, spent: spent + 1, fence: claim.fence });
  });
  // A queue that takes nothing for a while holds up nobody's turn.
  await end();
}

/** With an ear for stores that keep a worker waiting. */
async function attemptHeard(parts: LaneParts, assignment: Parameters<typeof attempt>[1]): Promise<Outcome> {
  const { stuck, onProblem } = parts;
  const { route } = assignment.job;
  const began = performance.now();
  stuck.begun(route);
  const outcome = await attempt(parts, assignment);
  const isAway = outcome.kind === "failed" && outcome.problem.code === "store-unavailable";
  const restMs = stuck.ended(route, isAway ? performance.now() - began : undefined);
  if (restMs !== undefined) {
    const detail = `Jobs of route ${route} rest for ${Math.round(restMs / 1000)} s: its store keeps them waiting`;
    onProblem(new Problem("store-unavailable", detail, { remedy: "The other routes go on. Look at the store." }));
  }
  return outcome;
}

/** Settles the delivery, once the ledger has the outcome. */
type Ending = () => Promise<void>;
const leave: Ending = async () => {};

interface Attempted {
  readonly number: number;
  readonly spent: number;
  readonly fence: number;
}

async function conclude(
  parts: WorkerParts,
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

/** Another worker has taken the job over: this copy of it comes again, and finds it settled. */
function yieldTo({ retryDelayMs }: WorkerParts, delivery: Delivery): Promise<void> {
  return delivery.retry(retryDelayMs);
}

/** A newer version that is done makes older dead letters and held jobs of its object void: nobody need look at them. */
async function buryOlder(parts: WorkerParts, { route, input, generation }: Job): Promise<void> {
  const { records } = await parts.ledger.find({ route, key: input.key, states: ["dead", "held"], limit: 100 });
  for (const { job } of records) if (job.generation < generation) await write(parts, job, "superseded", {});
}

/** Times the first delay after a failure: a minute as it is by default. */
const originalRests = 60;
const originalPatienceMs = 86_400_000;

/** What becomes of the original comes last: where that fails for a while, the job waits in the queue until it is done. */
async function finishGiven(parts: WorkerParts, delivery: Delivery, detail: EventDetail, since: number): Promise<void> {
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

function strangerProblem({ id, input }: Job): Problem {
  return new Problem(
    "ledger-broken",
    `The queue brought job ${id} for ${input.store}, which the ledger does not know`,
    {
      remedy:
        "Nothing was done with it. Is this the queue's own ledger, or an older copy of it? An upload has to be sent again.",
    },
  );
}

/** What is settled leaves the queue; an upload's original goes with it, but for a dead one, which may be retried. */
async function finish(parts: WorkerParts, delivery: Delivery, dead: boolean): Promise<void> {
  if (dead) return delivery.deadLetter();
  // The job is done whether or not this works; retention removes what is left.
  await removeInput(parts, delivery.job).catch((error: unknown) => parts.onProblem(toProblem(error)));
  return delivery.ack();
}

async function removeInput({ routes, storeOf }: WorkerParts, { route, input }: Job): Promise<void> {
  if (!routes.get(route)?.removeInput) return;
  const store = storeOf(input.store);
  if ((await store.head(input.key))?.version === input.version) await store.remove(input.key);
}

async function write(
  parts: WorkerParts,
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
