import { setTimeout as sleep } from "node:timers/promises";
import type * as Kafka from "@platformatic/kafka";
import type { Bell } from "../bell.ts";
import type { Problem } from "../errors.ts";
import { queueProblem } from "./kafka-client.ts";
import type { KafkaPartition } from "./kafka-partition.ts";

export interface KafkaFetchOptions {
  readonly kafka: typeof Kafka;
  /** Not a member of the group: a fetch that waits holds up what comes behind it on its connection. */
  readonly reader: Kafka.Consumer;
  readonly topics: readonly string[];
  partitions(): Iterable<KafkaPartition>;
  /** How many messages of a partition may be taken and not committed; then it pauses. */
  readonly maxInFlight: number;
  /** How long a broker waits for the first message. */
  readonly fetchWaitMs: number;
  readonly retryMs: number;
  /** Rung when a partition came, or has room again. */
  readonly bell: Bell;
  onRecord(partition: KafkaPartition, offset: bigint, record: Kafka.KafkaRecord): void;
  /** The log no longer holds what was to be read next. */
  onOutOfRange(partitions: readonly KafkaPartition[]): Promise<void>;
  onProblem(problem: Problem): void;
}

/** Room for some jobs of the largest size. */
const partitionMaxBytes = 256 * 1024;
const controlBatch = 0b100000;

/** Reads every partition that has room, one request at a time from each broker, until the signal aborts. */
export async function fetchUntil(options: KafkaFetchOptions, signal: AbortSignal): Promise<void> {
  const { kafka, reader, topics, partitions, maxInFlight, fetchWaitMs, retryMs, bell, onRecord, onProblem } = options;
  const busy = new Set<number>();

  while (!signal.aborted) {
    const open = [...partitions()].filter(({ isLost, open }) => !isLost && open < maxInFlight);
    if (open.length > 0) await fetchFromAll(open).catch(recover);
    await bell.wait(1000, signal);
  }

  async function fetchFromAll(open: readonly KafkaPartition[]): Promise<void> {
    const metadata = await reader.metadata({ topics: [...topics] });
    const leaderOf = ({ topic, index }: KafkaPartition) => metadata.topics.get(topic)?.partitions[index]?.leader ?? -1;
    for (const [node, wanted] of Map.groupBy(open, leaderOf)) {
      if (busy.has(node)) continue;
      busy.add(node);
      void fetchFrom(node, wanted, metadata)
        .catch((error: unknown) => recover(error, wanted))
        .finally(() => {
          busy.delete(node);
          bell.ring();
        });
    }
  }

  async function fetchFrom(node: number, wanted: readonly KafkaPartition[], metadata: Kafka.ClusterMetadata) {
    const idOf = (topic: string) => metadata.topics.get(topic)!.id;
    const asked = new Map(wanted.map((partition) => [`${idOf(partition.topic)}:${partition.index}`, partition]));
    const requests = [...Map.groupBy(wanted, ({ topic }) => topic)].map(([topic, its]) => ({
      topicId: idOf(topic),
      partitions: its.map(({ index, next }) => {
        const at = { partition: index, fetchOffset: next, currentLeaderEpoch: -1, lastFetchedEpoch: -1 };
        return { ...at, partitionMaxBytes };
      }),
    }));
    const bounds = { minBytes: 1, maxBytes: partitionMaxBytes * wanted.length, maxWaitTime: fetchWaitMs };
    const { responses } = await reader.fetch({ node, topics: requests, ...bounds });
    for (const response of responses) {
      for (const { partitionIndex, records } of response.partitions) {
        // An answer may speak of partitions that were asked for before.
        const partition = asked.get(`${response.topicId}:${partitionIndex}`);
        if (partition && records) for (const batch of records) takeBatch(partition, batch);
      }
    }
  }

  function takeBatch(partition: KafkaPartition, batch: Kafka.RecordsBatch): void {
    const records = (batch.attributes & controlBatch) === 0 ? batch.records : [];
    for (const record of records) {
      const offset = batch.firstOffset + BigInt(record.offsetDelta);
      // A batch comes whole, even if only its end was asked for.
      if (offset < partition.next) continue;
      // What there is no room for is fetched again.
      if (partition.isLost || partition.open >= maxInFlight) return;
      partition.take(offset);
      onRecord(partition, offset, record);
    }
    partition.skipTo(batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n);
  }

  async function recover(error: unknown, wanted: readonly KafkaPartition[] = []): Promise<void> {
    if (signal.aborted) return;
    const outOfRange = kafka.findErrorBy(error as Error, "apiId", "OFFSET_OUT_OF_RANGE") !== null;
    if (outOfRange) return options.onOutOfRange(wanted).catch(recover);
    onProblem(queueProblem("messages from Kafka", error));
    await sleep(retryMs, undefined, { signal }).catch(() => {});
  }
}
