import type { Lane } from "../core/job.ts";
import { Problem } from "../errors.ts";
import type { ConsumeOptions, Delivery, Queue } from "./queue.ts";
import { consumeRabbit } from "./rabbitmq-consume.ts";
import { keepHandingBack } from "./rabbitmq-handback.ts";
import { openRabbitLink } from "./rabbitmq-link.ts";
import type { RabbitLoan } from "./rabbitmq-loan.ts";
import { encodeJob } from "./rabbitmq-message.ts";
import { rabbitProblem } from "./rabbitmq-problem.ts";
import { createRabbitPublisher } from "./rabbitmq-publisher.ts";
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
  /** How often the broker lends a job in vain before it is handed back once, and then set aside. */
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
  const { url, ca, deliveryLimit = 1000, maxLength, consumerTimeoutMs, onProblem = () => {} } = options;
  const topology = rabbitTopology({ prefix, delayStepsMs, deliveryLimit, maxLength, consumerTimeoutMs });
  const closed = new AbortController();
  const loans = new Map<RabbitLoan, Lane>();
  const running = new Set<Promise<void>>();

  // A broker short of room stops reading from who publishes: acknowledgements have a connection of their own.
  const open = (name: string) => openRabbitLink({ url, ca, heartbeatMs, waitMs, name, onProblem });
  const [outward, inward] = await Promise.all([open(`${prefix} publishes`), open(`${prefix} consumes`)]);
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

  function consume(asked: ConsumeOptions): AsyncIterable<Delivery> {
    startHandingBack();
    return consumeRabbit({ ...subscribing, publisher, waitMs, loans, closed: closed.signal, run }, asked);
  }

  async function close(): Promise<void> {
    closed.abort(new Problem("queue-unavailable", "The queue was closed"));
    for (const loan of [...loans.keys()]) loan.lose();
    await Promise.all([outward.close(), inward.close()]);
    await Promise.all(running);
  }

  try {
    await publisher.ready();
  } catch (error) {
    await close();
    throw error;
  }

  return {
    keepsCopies: true,
    async publish(jobs, lane) {
      closed.signal.throwIfAborted();
      await publisher.send(
        jobs.map((job) => encodeJob(job, lane, topology.lane(lane))),
        closed.signal,
      );
    },
    consume,
    async depth(lane) {
      const channel = await inward.channel();
      try {
        let jobs = 0;
        // In the order in which a job moves on: one that moves meanwhile counts twice rather than never.
        for (const queue of topology.waiting(lane)) {
          jobs += (await channel.queueDeclare({ queue, passive: true })).messageCount;
        }
        // What other processes hold, the broker tells by its management interface alone.
        return jobs + [...loans.values()].filter((its) => its === lane).length;
      } catch (error) {
        throw rabbitProblem(error, inward.address);
      } finally {
        await channel.close();
      }
    },
    close,
  };
}
