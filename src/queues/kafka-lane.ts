import { setTimeout as sleep } from "node:timers/promises";
import type * as Kafka from "@platformatic/kafka";
import { type Bell, createBell } from "../bell.ts";
import type { Job, Lane } from "../core/job.ts";
import { Problem, toProblem } from "../errors.ts";
import { decodeJob, encodeDead, encodeJob, type LogMessage } from "./kafka-message.ts";
import type { KafkaPartition } from "./kafka-partition.ts";
import { type KafkaSessionOptions, runKafkaSession } from "./kafka-session.ts";
import { deadTopic, retryTopic } from "./kafka-topics.ts";
import { lend } from "./lend.ts";
import type { ConsumeOptions, Delivery } from "./queue.ts";

export interface KafkaLaneOptions extends Omit<KafkaSessionOptions, "onRecord" | "onLost"> {
  readonly lane: Lane;
  readonly prefix: string;
  send(topic: string, message: LogMessage): Promise<void>;
}

/** One lane as this process sees it: one member of its group, for any number of loops that consume. */
export interface KafkaLane {
  consume(options: ConsumeOptions): AsyncIterable<Delivery>;
  /** Gives back what is lent, and leaves the group. */
  close(): Promise<void>;
}

interface Entry {
  readonly job: Job;
  readonly notBefore: number;
  readonly partition: KafkaPartition;
  readonly offset: bigint;
}

interface Loan extends Delivery {
  readonly entry: Entry;
  /** Ends the loan without settling it. */
  lose(): void;
}

const longestPauseMs = 5000;
const pollMs = 50;

export function createKafkaLane(options: KafkaLaneOptions): KafkaLane {
  const { lane, prefix, send, onProblem } = options;
  /** Taken and not lent, in the order in which they came. */
  let waiting: Entry[] = [];
  const loans = new Set<Loan>();
  const bells = new Set<Bell>();
  const closed = new AbortController();
  let running: Promise<void> | undefined;

  function ring(): void {
    for (const bell of bells) bell.ring();
  }

  /** One membership after the other: what breaks one is told, and the next begins afresh from what is committed. */
  async function run(): Promise<void> {
    for (let pauseMs = 250; !closed.signal.aborted; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      const before = Date.now();
      await runKafkaSession({ ...options, onRecord, onLost }, closed.signal).catch((error: unknown) => {
        onProblem(toProblem(error));
      });
      if (closed.signal.aborted) return;
      if (Date.now() - before > options.sessionTimeoutMs) pauseMs = 250;
      await sleep(pauseMs, undefined, { signal: closed.signal }).catch(() => {});
    }
  }

  function onRecord(partition: KafkaPartition, offset: bigint, record: Kafka.KafkaRecord): void {
    const decoded = decodeJob(record);
    if (decoded === undefined) return void discard(partition, offset, record);
    waiting.push({ ...decoded, partition, offset });
    ring();
  }

  function onLost(partition: KafkaPartition): void {
    waiting = waiting.filter((entry) => entry.partition !== partition);
    for (const loan of [...loans]) if (loan.entry.partition === partition) loan.lose();
  }

  /** A message that is no job is told, kept for people and settled: it must not come again and again. */
  async function discard(partition: KafkaPartition, offset: bigint, record: Kafka.KafkaRecord): Promise<void> {
    const from = `${partition.topic}:${partition.index}:${offset}`;
    onProblem(new Problem("invalid-request", `Expected a job at ${from} but received something else`));
    while (partition.isHeld()) {
      try {
        await send(deadTopic(prefix), encodeDead(record, { reason: "no-job", from }));
        return await partition.settle(offset);
      } catch (error) {
        onProblem(toProblem(error));
        await sleep(longestPauseMs, undefined, { signal: closed.signal }).catch(() => {});
      }
    }
  }

  async function take(count: number, ended: () => void): Promise<readonly Loan[]> {
    const now = Date.now();
    // Of a job that was published twice, the copies are lent one after the other.
    const lent = new Set([...loans].map(({ job }) => job.id));
    const taken: Entry[] = [];
    for (const entry of waiting) {
      if (taken.length === count) break;
      if (entry.notBefore > now || lent.has(entry.job.id) || !entry.partition.isHeld()) continue;
      lent.add(entry.job.id);
      taken.push(entry);
    }
    waiting = waiting.filter((entry) => !taken.includes(entry));
    return taken.map((entry) => lendOut(entry, ended));
  }

  function lendOut(entry: Entry, ended: () => void): Loan {
    const { job, partition, offset } = entry;
    const lost = new AbortController();
    let isSettling = false;
    const loan: Loan = {
      entry,
      job,
      signal: lost.signal,
      ack: () => settle(),
      retry: (delayMs) => settle(() => send(retryTopic(prefix, lane, delayMs), encodeJob(job, Date.now() + delayMs))),
      deadLetter: () =>
        settle(() => {
          const from = `${partition.topic}:${partition.index}:${offset}`;
          return send(deadTopic(prefix), encodeDead(encodeJob(job), { reason: "dead-letter", from }));
        }),
      lose() {
        if (!loans.delete(loan)) return;
        lost.abort(lostProblem(job));
        ended();
      },
    };
    loans.add(loan);
    return loan;

    /** First the copy is confirmed, then the original counts as settled: between the two there are two, never none. */
    async function settle(copy?: () => Promise<void>): Promise<void> {
      if (isSettling || !loans.has(loan) || !partition.isHeld()) throw lostProblem(job);
      isSettling = true;
      try {
        await copy?.();
      } finally {
        isSettling = false;
      }
      if (!loans.delete(loan)) throw lostProblem(job);
      ended();
      await partition.settle(offset).catch((error: unknown) => {
        lost.abort(error);
        throw error;
      });
      // A copy of the same job may be waiting for this.
      ring();
    }
  }

  async function giveBack(deliveries: readonly Delivery[]): Promise<void> {
    const given = [...loans].filter((loan) => deliveries.includes(loan) && !loan.entry.partition.isLost);
    for (const loan of given) loan.lose();
    waiting = [...given.map(({ entry }) => entry), ...waiting];
    ring();
  }

  return {
    async *consume({ prefetch, signal }) {
      const bell = createBell();
      bells.add(bell);
      running ??= run();
      try {
        yield* lend({ take, giveBack, bell, pollMs, prefetch, signal: AbortSignal.any([signal, closed.signal]) });
      } finally {
        bells.delete(bell);
      }
    },

    async close() {
      closed.abort();
      for (const loan of [...loans]) loan.lose();
      await running;
    },
  };
}

function lostProblem({ id }: Job): Problem {
  return new Problem("lease-lost", `The lease of job ${id} was lost`);
}
