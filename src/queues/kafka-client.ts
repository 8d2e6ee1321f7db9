import type * as Kafka from "@platformatic/kafka";
import { Problem } from "../errors.ts";

/** How to reach the brokers, as the client library takes it. */
export interface KafkaConnection {
  /** `host:port` of some of them; the others are learned from these. */
  readonly brokers: readonly string[];
  readonly tls?: Kafka.ConnectionOptions["tls"];
  readonly sasl?: Kafka.ConnectionOptions["sasl"];
}

/** Options that every client of the queue shares. */
export function clientOptions({ brokers, tls, sasl }: KafkaConnection) {
  return {
    clientId: "veil",
    bootstrapBrokers: [...brokers],
    autocreateTopics: false,
    ...(tls && { tls }),
    ...(sasl && { sasl }),
  };
}

/** The client library's error as a Problem that says what did not work. */
export function queueProblem(wanted: string, error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem("queue-unavailable", `Expected ${wanted} but received: ${innermost(error)}`, { cause: error });
}

/** Answers within the time, or says so: a client must not wait for ever for a broker that is gone. */
export async function within<T>(ms: number, wanted: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(queueProblem(wanted, new Error(`no answer within ${ms} ms`))), ms);
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    throw queueProblem(wanted, error);
  } finally {
    clearTimeout(timer);
  }
}

function innermost(error: unknown): string {
  const nested = error instanceof AggregateError ? error.errors.at(-1) : undefined;
  if (nested !== undefined) return innermost(nested);
  return error instanceof Error ? error.message : String(error);
}
