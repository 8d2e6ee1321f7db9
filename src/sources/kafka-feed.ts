import { setTimeout as sleep } from "node:timers/promises";
import type * as Kafka from "@platformatic/kafka";
import { unlessAborted } from "../core/until-aborted.ts";
import { Problem } from "../errors.ts";
import type { Feed } from "./feed.ts";

export interface KafkaFeedOptions {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly group: string;
  readonly tls?: Kafka.ConnectionOptions["tls"];
  readonly sasl?: Kafka.ConnectionOptions["sasl"];
  readonly onProblem: (problem: Problem) => void;
  readonly sessionTimeoutMs?: number;
}

const restMs = 1000;
/** Taken together and committed once. */
const mostAtOnce = 200;

/** A topic that a store publishes to, read as a member of a group: from its beginning, the first time. */
export function createKafkaFeed(options: KafkaFeedOptions): Feed {
  const { brokers, topic, group, tls, sasl, onProblem, sessionTimeoutMs = 30_000 } = options;

  const clientOptions = {
    ...{ clientId: "veil-events", bootstrapBrokers: [...brokers], autocreateTopics: false },
    ...(tls && { tls }),
    ...(sasl && { sasl }),
  };
  function problemOf(error: unknown): Problem {
    const detail = `Events from Kafka's topic ${topic}: ${(error as Error).message}`;
    const remedy = "Is it there, and may veil read it? Until then the comparison with the ledger finds what is new.";
    return new Problem("queue-unavailable", detail, { remedy, cause: error });
  }

  async function consume(kafka: typeof Kafka, take: (message: string) => Promise<void>, signal: AbortSignal) {
    const consumer = new kafka.Consumer({
      ...{ ...clientOptions, groupId: group },
      ...{ sessionTimeout: sessionTimeoutMs, heartbeatInterval: sessionTimeoutMs / 6, maxWaitTime: 500 },
    });
    let stream: Awaited<ReturnType<typeof consumer.consume>> | undefined;
    // What it is just asking of brokers that are away ends with its connections.
    const end = () => void (stream === undefined ? consumer.close(true) : stream.close()).catch(() => {});
    signal.addEventListener("abort", end, { once: true });
    try {
      const mode = { mode: "committed", fallbackMode: "earliest" } as const;
      stream = await consumer.consume({ topics: [topic], autocommit: false, ...mode });
      if (signal.aborted) end();
      let waiting: Kafka.Message[] = [];
      for await (const message of stream) {
        waiting.push(message);
        // What has come already goes together.
        if (stream.readableLength > 0 && waiting.length < mostAtOnce) continue;
        await Promise.all(waiting.map(({ value }) => take(String(value ?? ""))));
        const last = new Map(waiting.map((one) => [one.partition, one]));
        for (const one of last.values()) await one.commit();
        waiting = [];
      }
    } finally {
      signal.removeEventListener("abort", end);
      await consumer.close(true);
    }
  }

  return {
    name: `Kafka ${topic}`,
    async check(withinMs) {
      const kafka = await import("@platformatic/kafka");
      const soon = { retries: 0, connectTimeout: withinMs, timeout: withinMs };
      const admin = new kafka.Admin({ ...clientOptions, ...soon });
      try {
        // Of a topic that is not there others tell nothing, too.
        const names = await unlessAborted(admin.listTopics(), AbortSignal.timeout(withinMs));
        if (!names.includes(topic)) throw new Error("there is no such topic, or veil may not see it");
      } catch (error) {
        throw problemOf(error);
      } finally {
        await admin.close();
      }
    },
    async run(take, signal) {
      const kafka = await import("@platformatic/kafka");
      while (!signal.aborted) {
        try {
          await consume(kafka, take, signal);
        } catch (error) {
          if (signal.aborted) return;
          onProblem(problemOf(error));
        }
        await sleep(restMs, undefined, { signal }).catch(() => {});
      }
    },
  };
}
