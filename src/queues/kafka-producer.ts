import type * as Kafka from "@platformatic/kafka";
import { Problem, toProblem } from "../errors.ts";
import { clientOptions, type KafkaConnection, within } from "./kafka-client.ts";
import type { LogMessage } from "./kafka-message.ts";

/** A broker takes batches of 1 MB unless it was told otherwise. */
const maxBatchBytes = 512 * 1024;

export interface KafkaProducer {
  /** Resolves once every message is confirmed by all replicas in sync; rejects with `queue-unavailable` otherwise. */
  send(topic: string, messages: readonly LogMessage[]): Promise<void>;
  /** Rejects with `invalid-config` when one of the topics is not there. */
  check(topics: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export interface KafkaProducerOptions extends KafkaConnection {
  readonly kafka: typeof Kafka;
  /** The longest wait for a confirmation. */
  readonly confirmMs: number;
  onProblem(problem: Problem): void;
}

/** Publishes idempotently where the brokers allow it, always with acks=all. */
export function createKafkaProducer(options: KafkaProducerOptions): KafkaProducer {
  const { kafka, confirmMs, onProblem } = options;
  let isClosed = false;
  let opened: Promise<{ readonly producer: Kafka.Producer; readonly idempotent: boolean }> | undefined;

  async function open() {
    const timeout = Math.max(250, Math.round(confirmMs / 3));
    const producer = new kafka.Producer({
      ...clientOptions(options),
      // The deadline of a publish has room for three tries.
      ...{ timeout, connectTimeout: timeout, retries: 2, retryDelay: 100 },
    });
    try {
      // By itself the client asks as if it had an id already, which some servers refuse.
      await producer.initIdempotentProducer({ producerId: -1n, producerEpoch: -1 });
      return { producer, idempotent: true };
    } catch (error) {
      const refused = ["CLUSTER_AUTHORIZATION_FAILED", "UNSUPPORTED_VERSION"].some(
        (id) => kafka.findErrorBy(error as Error, "apiId", id) !== null,
      );
      if (refused || kafka.findErrorBy(error as Error, "code", "PLT_KFK_UNSUPPORTED_API") !== null) {
        return { producer, idempotent: false };
      }
      await producer.close();
      throw error;
    }
  }

  /** After a failure nobody knows what the broker took: the next one starts with a new id. */
  async function renew(failed: typeof opened): Promise<void> {
    if (opened === failed) opened = undefined;
    const parts = await failed?.catch(() => undefined);
    await parts?.producer.close();
  }

  async function use<T>(wanted: string, work: (producer: Kafka.Producer, idempotent: boolean) => Promise<T>) {
    if (isClosed) throw new Problem("shutting-down", `Expected ${wanted} but the queue is closed`);
    opened ??= open();
    const used = opened;
    const working = used.then(({ producer, idempotent }) => work(producer, idempotent));
    return within(confirmMs, wanted, working).catch((error: unknown) => {
      renew(used).catch((late: unknown) => onProblem(toProblem(late)));
      throw error;
    });
  }

  return {
    async send(topic, messages) {
      for (const batch of batches(messages)) {
        await use(`Kafka to confirm ${batch.length} messages for ${topic}`, (producer, idempotent) =>
          producer.send({ acks: -1, idempotent, messages: batch.map((message) => ({ topic, ...message })) }),
        );
      }
    },

    async check(topics) {
      await use(`Kafka to describe the topics of veil`, async (producer) => {
        for (const topic of topics) {
          await producer.metadata({ topics: [topic] }).catch((cause: Error) => {
            if (!cause.message.startsWith("Unknown topic")) throw cause;
            const remedy = `Create these topics: ${topics.join(", ")}`;
            throw new Problem("invalid-config", `Expected the topic ${topic} for the queue but found none`, {
              ...{ remedy, cause },
            });
          });
        }
      });
    },

    async close() {
      isClosed = true;
      await renew(opened);
    },
  };
}

function* batches(messages: readonly LogMessage[]): Generator<readonly LogMessage[]> {
  let batch: LogMessage[] = [];
  let bytes = 0;
  for (const message of messages) {
    if (bytes + message.value.length > maxBatchBytes && batch.length > 0) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(message);
    bytes += message.value.length;
  }
  if (batch.length > 0) yield batch;
}
