import type { AsyncMessage, Channel } from "rabbitmq-client";
import { createBell } from "../bell.ts";
import type { Lane } from "../core/job.ts";
import { Problem, toProblem } from "../errors.ts";
import { lend } from "./lend.ts";
import type { ConsumeOptions, Delivery, Queue } from "./queue.ts";
import { keepHandingBack } from "./rabbitmq-handback.ts";
import { openRabbitLink, type RabbitLink } from "./rabbitmq-link.ts";
import { lendMessage, type RabbitLoan } from "./rabbitmq-loan.ts";
import { encodeJob, jobIn, notesOf } from "./rabbitmq-message.ts";
import { rabbitProblem } from "./rabbitmq-problem.ts";
import { createRabbitPublisher } from "./rabbitmq-publisher.ts";
import { keepSubscribed } from "./rabbitmq-subscription.ts";
import { rabbitTopology } from "./rabbitmq-topology.ts";

export interface RabbitQueueOptions {
  /** `amqp://` or `amqps://`, with user, password and virtual host. It is told to nobody. */
  readonly url: string;
  /** Begins the name of everything that is declared. */
  readonly prefix?: string;
  /** Certificate authorities in PEM that the server's certificate must come from; absent: those of the system. */
  readonly ca?: string;
  /** A process that is silent for two of these is given up by the broker, and its jobs are lent again. */
  readonly heartbeatMs?: number;
  /** How long the broker waits for a lent job to be settled (3.12 and newer; older ones have one setting for all). */
  readonly consumerTimeoutMs?: number;
  /** How long publishing waits for a broker that is away. */
  readonly waitMs?: number;
  /** Ascending. A retry waits as long as the smallest of them that is not shorter than its delay. */
  readonly delayStepsMs?: readonly number[];
  readonly deliveryLimit?: number;
  /** Beyond so many waiting jobs in a lane publishing is refused. Absent: no limit. */
  readonly maxLength?: number;
  /** Told about a lost connection, and about messages that veil could not work. */
  readonly onProblem?: (problem: Problem) => void;
}

/** The delays of a job's retries, each with its jitter: 1 s, five times as long each time, at most an hour. */
const defaultStepsMs = [1250, 6250, 31_250, 156_250, 781_250, 4_500_000];

/**
 * A durable queue in RabbitMQ 3.10 or newer, for any number of machines: quorum queues, confirmed publishing, and loans
 * that last as long as their connection. Rejects if the broker can't be reached or used.
 */
export async function createRabbitQueue(options: RabbitQueueOptions): Promise<Queue> {
  const { prefix = "veil", heartbeatMs = 15_000, waitMs = 30_000, delayStepsMs = defaultStepsMs } = options;
  const { url, ca, deliveryLimit = 100, maxLength, consumerTimeoutMs, onProblem = () => {} } = options;
  const topology = rabbitTopology({ prefix, delayStepsMs, deliveryLimit, maxLength, consumerTimeoutMs });
  const closed = new AbortController();
  const loans = new Map<RabbitLoan, Lane>();
  const running = new Set<Promise<void>>();

  // A broker short of room stops reading from who publishes: acknowledgements have a connection of their own.
  const open = (name: string) => openRabbitLink({ url, ca, heartbeatMs, waitMs, name, onProblem });
  const [outward, inward] = await Promise.all([open(`${prefix} publishes`), open(`${prefix} consumes`)]);
  const links: readonly RabbitLink[] = [outward, inward];
  const publisher = createRabbitPublisher({ link: outward, topology, waitMs });
  const subscribing = { link: inward, topology, heartbeatMs, onProblem };
  let isHandingBack = false;

  function run(work: Promise<void>): void {
    running.add(work);
    work.finally(() => running.delete(work));
  }

  function startHandingBack(): void {
    if (isHandingBack || closed.signal.aborted) return;
    isHandingBack = true;
    run(keepHandingBack({ ...subscribing, publisher, signal: closed.signal }));
  }

  function lendOut(message: AsyncMessage, channel: Channel, lane: Lane, onEnded: () => void): RabbitLoan | undefined {
    const { deliveryTag } = message;
    const job = jobIn(message);
    if (job === undefined) {
      // To the dead letters, where it is set aside and told of.
      channel.basicNack({ deliveryTag, requeue: false });
      return;
    }
    const loan = lendMessage({
      job,
      channel,
      deliveryTag,
      copyLater: (delayMs, signal) => {
        const copy = encodeJob(job, lane, topology.delay(lane, delayMs), Date.now() + delayMs);
        return publisher.send([copy], signal);
      },
      onEnded(ended) {
        loans.delete(ended);
        onEnded();
      },
    });
    loans.set(loan, lane);
    return loan;
  }

  async function* consume({ lane, prefetch, signal }: ConsumeOptions): AsyncGenerator<Delivery> {
    startHandingBack();
    const over = new AbortController();
    const stop = AbortSignal.any([signal, closed.signal, over.signal]);
    const bell = createBell();
    const mine = new Set<RabbitLoan>();
    const waiting = new Set<RabbitLoan>();
    const drained = Promise.withResolvers<void>();

    function settleUp(): void {
      if (stop.aborted && mine.size === 0) drained.resolve();
    }

    function onMessage(message: AsyncMessage, channel: Channel): void {
      const loan = lendOut(message, channel, lane, () => {
        mine.delete(loan!);
        waiting.delete(loan!);
        settleUp();
      });
      if (loan === undefined) return;
      mine.add(loan);
      // Longer than the longest delay queue, or another machine's clock.
      const earlyMs = notesOf(message).notBefore - Date.now();
      if (stop.aborted) loan.giveBack();
      else if (earlyMs > 0) loan.retry(earlyMs).catch((error: unknown) => onProblem(toProblem(error)));
      else {
        waiting.add(loan);
        bell.ring();
      }
    }

    run(
      keepSubscribed({
        ...{ ...subscribing, queue: topology.lane(lane), prefetch, signal: stop, onMessage },
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
          for (const loan of [...mine]) if (deliveries.includes(loan)) loan.giveBack();
        },
        bell,
        pollMs: Number.POSITIVE_INFINITY,
        prefetch,
        signal: stop,
      });
    } finally {
      over.abort();
      for (const loan of [...waiting]) loan.giveBack();
    }
  }

  async function close(): Promise<void> {
    closed.abort();
    for (const loan of [...loans.keys()]) loan.lose();
    await Promise.all(links.map((link) => link.close()));
    await Promise.all(running);
  }

  try {
    await publisher.ready();
  } catch (error) {
    await close();
    throw error;
  }

  return {
    async publish(jobs, lane) {
      if (closed.signal.aborted) throw new Problem("queue-unavailable", "Expected an open queue but it was closed");
      await publisher.send(
        jobs.map((job) => encodeJob(job, lane, topology.lane(lane))),
        closed.signal,
      );
    },
    consume,
    async depth(lane) {
      // What other processes hold, the broker tells by its management interface alone.
      let jobs = [...loans.values()].filter((its) => its === lane).length;
      const channel = await inward.channel();
      try {
        for (const queue of topology.waiting(lane)) {
          jobs += (await channel.queueDeclare({ queue, passive: true })).messageCount;
        }
      } catch (error) {
        throw rabbitProblem(error, inward.address);
      } finally {
        await channel.close();
      }
      return jobs;
    },
    close,
  };
}
