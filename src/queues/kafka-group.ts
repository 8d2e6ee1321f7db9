import type * as Kafka from "@platformatic/kafka";
import { assignPartitions } from "./kafka-assign.ts";
import { clientOptions, type KafkaConnection } from "./kafka-client.ts";

export interface KafkaGroupOptions extends KafkaConnection {
  readonly kafka: typeof Kafka;
  readonly group: string;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
}

/** One membership in a consumer group. */
export interface KafkaGroup {
  readonly consumer: Kafka.Consumer;
  /** `topic:partition` of all that is held now. */
  assigned(): ReadonlySet<string>;
  /** Whether the broker was heard within the session timeout, so that nobody else can have been given what is assigned. */
  isAlive(): boolean;
  /** To be called many times in a session timeout: what happens long after the last call may have happened long before. */
  tick(): void;
  join(): Promise<void>;
  leave(): Promise<void>;
}

export interface KafkaGroupListener {
  /** The assignment may have changed. With `kept` false, others may have held any of it meanwhile. */
  onAssigned(kept: boolean): void;
  /** The membership is over, and can't be mended. */
  onLost(error: unknown): void;
}

export function createKafkaGroup(options: KafkaGroupOptions, { onAssigned, onLost }: KafkaGroupListener): KafkaGroup {
  const { kafka, group, topics, sessionTimeoutMs } = options;
  const consumer: Kafka.Consumer = new kafka.Consumer({
    ...clientOptions(options),
    groupId: group,
    sessionTimeout: sessionTimeoutMs,
    rebalanceTimeout: sessionTimeoutMs,
    // Five chances before the session is over.
    heartbeatInterval: Math.round(sessionTimeoutMs / 6),
    // What a member holds stays with it while others come and go.
    protocols: [{ name: "cooperative-sticky", version: 3 }],
    partitionAssigner(...asked) {
      // The next one is to see the topics as they are by then. It also makes the leader the last to ask for its part,
      // and there are servers that answer nobody who comes after it.
      consumer.clearMetadata();
      return assignLane(...asked);
    },
    // An answer to a join may take as long as the slowest member.
    timeout: sessionTimeoutMs + 5000,
    ...{ connectTimeout: 5000, retries: 3, retryDelay: 250, metadataMaxAge: 300_000 },
  });
  consumer.topics.trackAll(...topics);

  let tickedAt = Date.now();
  let heardAt = tickedAt;
  /** When the heartbeat that is under way was sent. */
  let spokeAt: number | undefined;
  let identity: { readonly member: string | null; readonly generation: number } | undefined;

  /** The broker counts from when it hears a heartbeat, which is never before it is sent, or from its answer to others. */
  function heard(): void {
    heardAt = Math.max(heardAt, spokeAt ?? tickedAt);
    spokeAt = undefined;
  }

  consumer.on("consumer:heartbeat:start", () => {
    spokeAt = Date.now();
  });
  consumer.on("consumer:heartbeat:end", heard);
  consumer.on("consumer:heartbeat:error", () => {
    spokeAt = undefined;
  });
  consumer.on("consumer:group:join", () => {
    heard();
    assigned();
  });
  // Other members came or went. What is revoked must be let go of before we join again, which follows at once.
  consumer.on("consumer:group:rebalance", () => {
    heard();
    assigned();
  });
  consumer.on("error", onLost);

  function assigned(): void {
    const { memberId, generationId } = consumer;
    const steps = identity === undefined ? 0 : generationId - identity.generation;
    // A generation that passed without us may have given our partitions to others, and back.
    const kept = identity === undefined || (identity.member === memberId && (steps === 0 || steps === 1));
    identity = { member: memberId, generation: generationId };
    onAssigned(kept);
  }

  return {
    consumer,
    assigned() {
      const all = (consumer.assignments ?? []).flatMap(({ topic, partitions }) =>
        partitions.map((partition) => `${topic}:${partition}`),
      );
      return new Set(all);
    },
    isAlive: () => Date.now() - Math.min(heardAt, tickedAt) < sessionTimeoutMs,
    tick() {
      tickedAt = Date.now();
    },
    async join() {
      await consumer.joinGroup({});
    },
    async leave() {
      await consumer.close(true);
    },
  };
}

/** What the group's leader answers for all. */
const assignLane: Kafka.GroupPartitionsAssigner = (_leader, members, topics, metadata) => {
  const counts = new Map([...topics].map((topic) => [topic, metadata.topics.get(topic)?.partitionsCount ?? 0]));
  const joined = [...members].map(([id, { ownedPartitions = [], generationId = -1 }]) => {
    const owned = [...new Set(ownedPartitions.flatMap(({ partitions }) => partitions))].sort((a, b) => a - b);
    // Who holds nothing claims nothing, and can't make another's claim look old.
    return { id, owned, generation: owned.length > 0 ? generationId : -1 };
  });
  const assigned = assignPartitions(joined, Math.max(...counts.values()));
  return [...assigned].map(([memberId, indices]) => {
    const its = [...counts].map(([topic, count]) => {
      return [topic, { topic, partitions: indices.filter((index) => index < count) }] as const;
    });
    return { memberId, assignments: new Map(its.filter(([, { partitions }]) => partitions.length > 0)) };
  });
};
