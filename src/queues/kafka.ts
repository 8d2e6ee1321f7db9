import { type Lane, lanes } from "../core/job.ts";
import type { Problem } from "../errors.ts";
import { type KafkaConnection, within } from "./kafka-client.ts";
import { createKafkaDepth } from "./kafka-depth.ts";
import { createKafkaLane, type KafkaLane } from "./kafka-lane.ts";
import { encodeJob } from "./kafka-message.ts";
import { createKafkaProducer } from "./kafka-producer.ts";
import { allTopics, laneTopic, laneTopics } from "./kafka-topics.ts";
import type { Queue } from "./queue.ts";

export interface KafkaQueueOptions extends KafkaConnection {
  /** Of every topic's name. */
  readonly prefix?: string;
  /** Of both consumer groups' names: the lane follows. */
  readonly group?: string;
  /** How many messages of a partition may be taken and not committed. */
  readonly maxInFlight?: number;
  /** How long a dead process keeps its partitions. A live one is heard of long before. */
  readonly sessionTimeoutMs?: number;
  /** The longest wait for the brokers to confirm what is published. */
  readonly confirmMs?: number;
  /** How long a broker holds back the answer when there is nothing to read. */
  readonly fetchWaitMs?: number;
  /** Told that a topic has lost jobs, by retention or because it was made anew; by many partitions it may be told at once. */
  onJobsLost?(): void;
  /** Told about what fails beside a call: lost connections, messages that are no job. */
  onProblem(problem: Problem): void;
}

/** A durable queue in Kafka topics, for any number of processes; a partition is read by one of them at a time. */
export async function createKafkaQueue(options: KafkaQueueOptions): Promise<Queue> {
  const { prefix = "veil", group = prefix, maxInFlight = 100, sessionTimeoutMs = 30_000, onProblem } = options;
  const { confirmMs = 15_000, fetchWaitMs = 500, onJobsLost = () => {} } = options;
  const kafka = await import("@platformatic/kafka");
  const connection = { ...options, kafka };
  const producer = createKafkaProducer({ ...connection, confirmMs, onProblem });
  const of = (lane: Lane) => ({ ...connection, group: `${group}.${lane}`, topics: laneTopics(prefix, lane) });
  const depths = perLane((lane) => createKafkaDepth({ ...of(lane), answerMs: confirmMs }));
  const readers = perLane((lane): KafkaLane => {
    const send = (topic: string, message: ReturnType<typeof encodeJob>) => producer.send(topic, [message]);
    const times = { sessionTimeoutMs, fetchWaitMs };
    return createKafkaLane({ ...of(lane), ...times, lane, prefix, maxInFlight, send, onJobsLost, onProblem });
  });

  try {
    await producer.check(allTopics(prefix));
  } catch (error) {
    await producer.close();
    throw error;
  }

  return {
    keepsCopies: true,

    async publish(jobs, lane) {
      await producer.send(
        laneTopic(prefix, lane),
        jobs.map((job) => encodeJob(job)),
      );
    },

    consume: (consuming) => readers.get(consuming.lane).consume(consuming),

    depth: (lane) => depths.get(lane).count(),

    async close() {
      await Promise.all(readers.made().map((reader) => reader.close()));
      const clients = [producer, ...depths.made()].map((client) => client.close());
      await within(confirmMs, "Kafka's connections to close", Promise.all(clients));
    },
  };
}

/** One of a kind for each lane, made when it is first asked for. */
function perLane<T>(make: (lane: Lane) => T) {
  const made = new Map<Lane, T>();
  return {
    get(lane: Lane): T {
      const one = made.get(lane) ?? make(lane);
      made.set(lane, one);
      return one;
    },
    made: (): readonly T[] => lanes.flatMap((lane) => made.get(lane) ?? []),
  };
}
