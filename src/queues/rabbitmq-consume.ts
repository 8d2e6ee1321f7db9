import { setTimeout as sleep } from "node:timers/promises";
import type { AsyncMessage, Channel } from "rabbitmq-client";
import { createBell } from "../bell.ts";
import type { Lane } from "../core/job.ts";
import { toProblem } from "../errors.ts";
import { lend } from "./lend.ts";
import type { ConsumeOptions, Delivery } from "./queue.ts";
import { lendMessage, type RabbitLoan } from "./rabbitmq-loan.ts";
import { encodeJob, jobIn, notesOf } from "./rabbitmq-message.ts";
import type { RabbitPublisher } from "./rabbitmq-publisher.ts";
import { keepSubscribed, type RabbitSubscriptionOptions } from "./rabbitmq-subscription.ts";
import type { RabbitTopology } from "./rabbitmq-topology.ts";

export interface RabbitConsumeParts extends Pick<RabbitSubscriptionOptions, "link" | "heartbeatMs" | "onProblem"> {
  readonly topology: RabbitTopology;
  readonly publisher: RabbitPublisher;
  /** How long a retry waits for a broker that is away. */
  readonly waitMs: number;
  /** Every loan of this process, in work or not handed out yet. */
  readonly loans: Map<RabbitLoan, Lane>;
  /** Aborted when the queue is closed. */
  readonly closed: AbortSignal;
  /** Keeps what goes on after the iteration, for loans that are still to be settled. */
  run(work: Promise<void>): void;
}

const restMs = 5000;

/** Hands out what the broker pushes, and goes on by itself after a lost connection. */
export async function* consumeRabbit(
  parts: RabbitConsumeParts,
  { lane, prefetch, signal }: ConsumeOptions,
): AsyncGenerator<Delivery> {
  const { topology, publisher, waitMs, loans, closed, run, onProblem } = parts;
  const over = new AbortController();
  const stop = AbortSignal.any([signal, closed, over.signal]);
  const bell = createBell();
  const mine = new Set<RabbitLoan>();
  const waiting = new Set<RabbitLoan>();
  const drained = Promise.withResolvers<void>();

  function onMessage(message: AsyncMessage, channel: Channel): void {
    const { deliveryTag } = message;
    const job = jobIn(message);
    if (job === undefined) {
      // To the dead letters, where it is set aside and told of.
      channel.basicNack({ deliveryTag, requeue: false });
      return;
    }
    const copyLater = (delayMs: number, alive: AbortSignal) =>
      publisher.send(
        [encodeJob(job, lane, topology.delay(lane, delayMs), Date.now() + delayMs)],
        alive,
        Number.POSITIVE_INFINITY,
      );
    const loan = lendMessage({ job, channel, deliveryTag, copyLater, waitMs, onEnded });
    mine.add(loan);
    loans.set(loan, lane);
    // Longer than the longest delay queue, or another machine's clock.
    const earlyMs = notesOf(message).notBefore - Date.now();
    if (stop.aborted) loan.giveBack();
    else if (earlyMs > 0) void waitOn(loan, earlyMs);
    else {
      waiting.add(loan);
      bell.ring();
    }
  }

  /** A broker that takes no copy for its next round is asked again, for as long as the loan lasts. */
  async function waitOn(loan: RabbitLoan, earlyMs: number): Promise<void> {
    const until = Date.now() + earlyMs;
    while (!loan.signal.aborted) {
      try {
        return await loan.retry(Math.max(1, until - Date.now()));
      } catch (error) {
        if (loan.signal.aborted) return;
        onProblem(toProblem(error));
        await sleep(restMs, undefined, { signal: loan.signal }).catch(() => {});
      }
    }
  }

  function onEnded(loan: RabbitLoan): void {
    loans.delete(loan);
    mine.delete(loan);
    waiting.delete(loan);
    settleUp();
  }

  function settleUp(): void {
    if (stop.aborted && mine.size === 0) drained.resolve();
  }

  run(
    keepSubscribed({
      ...parts,
      queue: topology.lane(lane),
      prefetch,
      signal: stop,
      onMessage,
      onLost(channel) {
        for (const loan of mine) if (loan.channel === channel) loan.lose();
      },
      onStopped() {
        settleUp();
        return drained.promise;
      },
    }),
  );
  try {
    yield* lend({
      async take(count, ended) {
        const taken = [...waiting].slice(0, count);
        for (const loan of taken) {
          waiting.delete(loan);
          loan.ended = ended;
        }
        return taken;
      },
      async giveBack(deliveries) {
        for (const loan of mine) if (deliveries.includes(loan)) loan.giveBack();
      },
      bell,
      pollMs: Number.POSITIVE_INFINITY,
      prefetch,
      signal: stop,
    });
  } finally {
    over.abort();
    for (const loan of waiting) loan.giveBack();
  }
}
