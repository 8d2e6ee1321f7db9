import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { AsyncMessage, Connection } from "rabbitmq-client";
import { Problem } from "../errors.ts";
import type { Feed } from "./feed.ts";

export interface AmqpFeedOptions {
  readonly url: string;
  readonly queue: string;
  /** Where stores publish; absent: others have bound the queue. */
  readonly exchange?: string | undefined;
  readonly routingKey: string;
  readonly ca?: string | undefined;
  readonly onProblem: (problem: Problem) => void;
}

/** Messages on their way to the ledger at once: those are written together. */
const prefetch = 200;
const restMs = 1000;
/** What is under way may end, and what is owed be said to the broker. */
const graceMs = 3000;

/** A durable queue of RabbitMQ, bound to the exchange that a store publishes to. */
export function createAmqpFeed({ url, queue, exchange, routingKey, ca, onProblem }: AmqpFeedOptions): Feed {
  const problemOf = (error: unknown) =>
    new Problem("queue-unavailable", `Events from RabbitMQ's queue ${queue}: ${(error as Error).message}`, {
      remedy: "Is it there, and may veil's user read it? Until then the comparison with the ledger finds what is new.",
      cause: error,
    });

  /** An exchange of another type stays as it is. */
  async function makeExchange(connection: Connection, name: string): Promise<void> {
    const look = await connection.acquire();
    const isThere = await look.exchangeDeclare({ exchange: name, passive: true }).then(
      () => true,
      () => false,
    );
    await look.close();
    if (isThere) return;
    const make = await connection.acquire();
    await make.exchangeDeclare({ exchange: name, type: "topic", durable: true });
    await make.close();
  }

  async function consume(connection: Connection, take: (message: string) => Promise<void>, signal: AbortSignal) {
    if (exchange !== undefined) await makeExchange(connection, exchange);
    const consumer = connection.createConsumer(
      {
        ...{ queue, queueOptions: { durable: true }, qos: { prefetchCount: prefetch }, concurrency: prefetch },
        ...(exchange !== undefined && { queueBindings: [{ exchange, queue, routingKey }] }),
      },
      async (message) => {
        try {
          await take(textOf(message));
        } catch (error) {
          // It comes again at once.
          await pause(signal);
          throw error;
        }
      },
    );
    consumer.on("error", (error) => signal.aborted || onProblem(problemOf(error)));
    if (!signal.aborted) await once(signal, "abort");
    await consumer.close();
  }

  async function connect(acquireTimeout: number): Promise<Connection> {
    const { Connection } = await import("rabbitmq-client");
    return new Connection({
      ...{ url, connectionName: "veil events", retryLow: restMs, retryHigh: 10_000, acquireTimeout },
      ...(url.startsWith("amqps:") && { tls: ca === undefined ? true : { ca } }),
    });
  }

  return {
    name: `RabbitMQ ${queue}`,
    async check(withinMs) {
      const connection = await connect(withinMs);
      const { promise: refused, reject } = Promise.withResolvers<never>();
      connection.on("error", reject);
      try {
        const channel = await Promise.race([connection.acquire(), refused]);
        await channel.queueDeclare({ queue, passive: true }).catch((error: unknown) => {
          // It is made at the start.
          if ((error as { code?: unknown }).code !== "NOT_FOUND") throw error;
        });
        await channel.close();
      } catch (error) {
        throw problemOf(error);
      } finally {
        connection.unsafeDestroy();
      }
    },
    async run(take, signal) {
      const connection = await connect(60_000);
      connection.on("error", (error) => signal.aborted || onProblem(problemOf(error)));
      async function work(): Promise<void> {
        while (!signal.aborted) {
          await consume(connection, take, signal).catch((error) => signal.aborted || onProblem(problemOf(error)));
          if (!signal.aborted) await pause(signal);
        }
        await connection.close();
      }
      const working = work();
      if (!signal.aborted) await Promise.race([working, once(signal, "abort")]);
      // A broker that is away answers to nothing.
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, graceMs);
      await Promise.race([working, late]).finally(() => clearTimeout(timer));
      connection.unsafeDestroy();
    },
  };
}

function textOf({ body }: AsyncMessage): string {
  // The client has read what says that it is JSON.
  return Buffer.isBuffer(body) ? body.toString() : typeof body === "string" ? body : JSON.stringify(body);
}

async function pause(signal: AbortSignal): Promise<void> {
  await sleep(restMs, undefined, { signal }).catch(() => {});
}
