import { setTimeout as sleep } from "node:timers/promises";
import type * as Kafka from "@platformatic/kafka";
import { createBell } from "../bell.ts";
import { Problem } from "../errors.ts";
import { clientOptions, queueProblem, within } from "./kafka-client.ts";
import { createKafkaCommit } from "./kafka-commit.ts";
import { fetchUntil } from "./kafka-fetch.ts";
import { createKafkaGroup, type KafkaGroupOptions } from "./kafka-group.ts";
import { createPartition, type KafkaPartition } from "./kafka-partition.ts";

export interface KafkaSessionOptions extends KafkaGroupOptions {
  readonly maxInFlight: number;
  readonly fetchWaitMs: number;
  onRecord(partition: KafkaPartition, offset: bigint, record: Kafka.KafkaRecord): void;
  /** Others may read what was taken from it and not committed. */
  onLost(partition: KafkaPartition): void;
  /** The log no longer holds jobs that nobody has taken out of it. */
  onJobsLost(): void;
  onProblem(problem: Problem): void;
}

/** Kafka's names for the ends of a log. */
const places = { earliest: -2n, latest: -1n };
const retryMs = 500;
/** Whoever can't be told goodbye to finds out by the session timeout. */
const leaveMs = 3000;

/** Reads the topics as a member of the group until the signal aborts; rejects when the membership is lost. */
export async function runKafkaSession(options: KafkaSessionOptions, signal: AbortSignal): Promise<void> {
  const { kafka, group: groupId, topics, sessionTimeoutMs, onLost, onJobsLost, onProblem } = options;
  const held = new Map<string, KafkaPartition>();
  /** Assigned, and about to be held. */
  const coming = new Set<string>();
  const ended = new AbortController();
  const bell = createBell();
  let fault: Problem | undefined;

  const group = createKafkaGroup(options, { onAssigned: assign, onLost: (error) => end("to stay in", error) });
  const reader = new kafka.Consumer({
    ...{ ...clientOptions(options), groupId, timeout: options.fetchWaitMs + 5000 },
    ...{ connectTimeout: 5000, retries: 2, retryDelay: 250 },
  });
  reader.topics.trackAll(...topics);
  const commit = createKafkaCommit({
    ...{ consumer: group.consumer, partitions: () => held.values(), retryMs, patienceMs: 3 * sessionTimeoutMs },
    ...{ onLost: (error) => end("to stay in", error), onProblem },
  });

  const watch = setInterval(
    () => {
      // Who holds nothing has nothing to lose, and may wait for others for as long as they take.
      if (held.size > 0) checkAlive();
      group.tick();
    },
    Math.max(20, sessionTimeoutMs / 30),
  );
  const leave = () => end();
  signal.addEventListener("abort", leave, { once: true });
  if (signal.aborted) leave();
  try {
    group.join().catch((error: unknown) => end("to join", error));
    const source = { ...options, reader, partitions: () => held.values(), retryMs, bell, onOutOfRange: startAgain };
    await fetchUntil(source, ended.signal);
  } finally {
    clearInterval(watch);
    signal.removeEventListener("abort", leave);
    await close();
  }
  if (fault) throw fault;

  function end(wanted?: string, error?: unknown): void {
    if (ended.signal.aborted) return;
    if (wanted !== undefined) fault = queueProblem(`${wanted} the group ${groupId}`, error);
    ended.abort();
    for (const partition of held.values()) partition.lose();
    held.clear();
    coming.clear();
  }

  function isAlive(): boolean {
    return !ended.signal.aborted && checkAlive();
  }

  function checkAlive(): boolean {
    if (group.isAlive()) return true;
    end("to stay in", new Error(`no heartbeat was answered within ${sessionTimeoutMs} ms`));
    return false;
  }

  function assign(kept: boolean): void {
    if (ended.signal.aborted) return;
    const assigned = group.assigned();
    for (const [key, partition] of held) {
      if (kept && assigned.has(key)) continue;
      held.delete(key);
      partition.lose();
    }
    for (const key of coming) if (!assigned.has(key)) coming.delete(key);
    for (const key of assigned) {
      if (held.has(key) || coming.has(key)) continue;
      coming.add(key);
      void begin(key);
    }
  }

  /** Holds a partition from its first offset that is not committed. */
  async function begin(key: string): Promise<void> {
    const at = key.lastIndexOf(":");
    const [topic, index] = [key.slice(0, at), Number(key.slice(at + 1))];
    while (coming.has(key)) {
      try {
        const committed = await group.consumer.listCommittedOffsets({ topics: [{ topic, partitions: [index] }] });
        const start = committed.get(topic)?.[index] ?? -1n;
        hold(key, topic, index, start >= 0n ? start : await offsetAt(topic, index, "earliest"));
      } catch (error) {
        if (ended.signal.aborted) return;
        onProblem(queueProblem(`the committed offset of ${key}`, error));
        await sleep(retryMs);
      }
    }
  }

  function hold(key: string, topic: string, index: number, start: bigint): void {
    if (!coming.delete(key)) return;
    held.set(key, createPartition({ topic, index, start, isAlive, commit: commitAndRing, onLost }));
    bell.ring();
  }

  async function commitAndRing(): Promise<void> {
    await commit();
    bell.ring();
  }

  async function offsetAt(topic: string, index: number, place: keyof typeof places): Promise<bigint> {
    const partitions = { [topic]: [index] };
    const offsets = await reader.listOffsets({ topics: [topic], partitions, timestamp: places[place] });
    return offsets.get(topic)![index]!;
  }

  /** Retention took what was committed to be read next, or the topic was made anew. */
  async function startAgain(partitions: readonly KafkaPartition[]): Promise<void> {
    for (const partition of partitions) {
      const { topic, index, next } = partition;
      const key = `${topic}:${index}`;
      const [start, end] = [await offsetAt(topic, index, "earliest"), await offsetAt(topic, index, "latest")];
      if ((next >= start && next <= end) || held.get(key) !== partition) continue;
      onProblem(new Problem("not-found", `Expected offset ${next} in ${key} but the log begins at ${start}`));
      onJobsLost();
      partition.lose();
      held.delete(key);
      coming.add(key);
      hold(key, topic, index, start);
    }
  }

  async function close(): Promise<void> {
    const leaving = [group.leave(), reader.close(true)].map((closing) =>
      within(leaveMs, `Kafka to let ${groupId} go`, closing),
    );
    for (const result of await Promise.allSettled(leaving)) {
      if (result.status === "rejected") onProblem(queueProblem("to leave", result.reason));
    }
  }
}
