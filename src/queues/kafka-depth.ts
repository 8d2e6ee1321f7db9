import type * as Kafka from "@platformatic/kafka";
import { clientOptions, type KafkaConnection, within } from "./kafka-client.ts";

export interface KafkaDepthOptions extends KafkaConnection {
  readonly kafka: typeof Kafka;
  readonly group: string;
  readonly topics: readonly string[];
  readonly answerMs: number;
}

/** Counts what the group has not committed, as no member of it. */
export function createKafkaDepth(options: KafkaDepthOptions) {
  const { kafka, group, topics, answerMs } = options;
  const client = new kafka.Consumer({
    ...{ ...clientOptions(options), groupId: group, connectTimeout: 2000, timeout: 2000, retries: 2, retryDelay: 100 },
  });
  client.topics.trackAll(...topics);

  async function depthOf(topic: string): Promise<number> {
    const metadata = await client.metadata({ topics: [topic] });
    const partitions = [...metadata.topics.get(topic)!.partitions.keys()];
    const committed = await client.listCommittedOffsets({ topics: [{ topic, partitions }] });
    const ends = await client.listOffsets({ topics: [topic], timestamp: -1n });
    const starts = await client.listOffsets({ topics: [topic], timestamp: -2n });
    return partitions.reduce((sum, partition) => {
      const [start, end] = [starts, ends].map((offsets) => offsets.get(topic)?.[partition] ?? 0n) as [bigint, bigint];
      const from = committed.get(topic)?.[partition] ?? -1n;
      return sum + Number(end - (from > start ? from : start));
    }, 0);
  }

  return {
    async count(): Promise<number> {
      const depths = await within(answerMs, "Kafka to tell the offsets", Promise.all(topics.map(depthOf)));
      return depths.reduce((sum, depth) => sum + depth, 0);
    },
    close: (): Promise<void> => client.close(true),
  };
}
