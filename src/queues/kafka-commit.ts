import { setTimeout as sleep } from "node:timers/promises";
import type * as Kafka from "@platformatic/kafka";
import type { Problem } from "../errors.ts";
import { queueProblem, within } from "./kafka-client.ts";
import type { KafkaPartition } from "./kafka-partition.ts";

export interface KafkaCommitOptions {
  readonly consumer: Kafka.Consumer;
  partitions(): Iterable<KafkaPartition>;
  /** How long after a failure the next try begins. */
  readonly retryMs: number;
  /** How long commits may fail before the membership counts as lost. */
  readonly patienceMs: number;
  onLost(error: unknown): void;
  onProblem(problem: Problem): void;
}

/** How often is asked whether a join is done. */
const joinMs = 20;

/** Commits what all partitions have to commit in one request, never two at once: a late one could set an offset back. */
export function createKafkaCommit(options: KafkaCommitOptions) {
  const { consumer, partitions, retryMs, patienceMs, onLost, onProblem } = options;
  let running: Promise<void> | undefined;
  let failingSince: number | undefined;

  async function commitAll(): Promise<void> {
    // Behind a join that is under way a commit would arrive late, and be refused for the generation it was sent in.
    if (!consumer.isActive()) return void (await sleep(joinMs));
    // Settlements of one moment go together.
    await Promise.resolve();
    const due = [...partitions()].flatMap((partition) => {
      const offset = partition.uncommitted;
      return offset === undefined || partition.isLost ? [] : [{ partition, offset }];
    });
    if (due.length === 0) return;
    const offsets = due.map(({ partition, offset }) => {
      return { topic: partition.topic, partition: partition.index, offset, leaderEpoch: -1 };
    });
    const wanted = `Kafka to commit ${due.length} offsets`;
    const began = Date.now();
    try {
      await within(patienceMs, wanted, consumer.commit({ offsets }));
      for (const { partition, offset } of due) partition.committed(offset);
      failingSince = undefined;
    } catch (error) {
      if (due.every(({ partition }) => partition.isLost)) return;
      failingSince ??= began;
      if (Date.now() - failingSince >= patienceMs) return onLost(error);
      onProblem(queueProblem(wanted, error));
      await sleep(retryMs);
    }
  }

  return (): Promise<void> => {
    running ??= commitAll().finally(() => {
      running = undefined;
    });
    return running;
  };
}
