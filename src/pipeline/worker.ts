import { isFinished, type Job, type JobState, type Lane, lanes } from "../core/job.ts";
import { createSerial, type Serial } from "../core/serial.ts";
import { Problem } from "../errors.ts";
import { reached } from "../points.ts";
import type { Delivery, Queue } from "../queues/queue.ts";
import { type AttemptParts, attempt, type Outcome } from "./attempt.ts";
import { type Claims, createClaims } from "./claims.ts";
import { type ConcludeParts, conclude, type Ending, giveUp } from "./conclude.ts";
import { finish, finishGiven } from "./finish-job.ts";
import type { Pace } from "./pace.ts";
import { patient } from "./patient.ts";
import { createPausedRounds } from "./paused-rounds.ts";
import { spentAttempts } from "./retry.ts";
import { createStuckRoutes, type StuckRoutes } from "./stuck-routes.ts";
import { createTurns, type Turns } from "./turns.ts";

export interface WorkerParts extends AttemptParts, ConcludeParts {
  readonly queue: Queue;
  /** Jobs in work at once, for each lane. */
  readonly concurrency: number;
  /** When a lane may begin its next job. */
  readonly pace: Pace;
  /** What other processes over the same ledger know this one by; its successor on the same host may have the same. */
  readonly holder?: string;
  /** How long a job stays this process's own if it does not say a word. */
  readonly claimMs?: number;
  /** Which routes rest, since their stores keep workers waiting; absent: for this worker alone. */
  readonly stuck?: StuckRoutes;
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
  const { stuck = createStuckRoutes({ now: parts.now, uptime: () => performance.now() }) } = parts;
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
  if (fence !== undefined && spent > maxRetries) return giveUp(parts, delivery, record, fence);
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
  const problem = outcome.kind === "failed" ? outcome.problem : undefined;
  const away = problem?.code === "store-unavailable" ? { problem, afterMs: performance.now() - began } : undefined;
  const restMs = stuck.ended(route, away);
  if (restMs !== undefined) {
    const detail = `Jobs of route ${route} rest for ${Math.round(restMs / 1000)} s: its store keeps them waiting`;
    onProblem(new Problem("store-unavailable", detail, { remedy: "The other routes go on. Look at the store." }));
  }
  return outcome;
}

const leave: Ending = async () => {};

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
