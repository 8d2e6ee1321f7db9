import { setTimeout as sleep } from "node:timers/promises";
import type { AsyncMessage, Channel } from "rabbitmq-client";
import type { Problem } from "../errors.ts";
import type { RabbitLink } from "./rabbitmq-link.ts";
import { rabbitProblem } from "./rabbitmq-problem.ts";
import type { RabbitTopology } from "./rabbitmq-topology.ts";

export interface RabbitSubscriptionOptions {
  readonly link: RabbitLink;
  readonly topology: Pick<RabbitTopology, "declare">;
  readonly queue: string;
  readonly prefetch: number;
  readonly heartbeatMs: number;
  /** Ends the subscription. */
  readonly signal: AbortSignal;
  readonly onMessage: (message: AsyncMessage, channel: Channel) => void;
  /** What the channel lent is no longer lent. */
  readonly onLost: (channel: Channel) => void;
  /** Nothing more comes; the channel stays open until this resolves. */
  readonly onStopped: (channel: Channel) => Promise<void>;
  readonly onProblem: (problem: Problem) => void;
}

const restMs = 250;
const maxPrefetch = 65_535;

/** Takes a queue's messages until the signal aborts, on a new channel whenever one is lost. Never rejects. */
export async function keepSubscribed(options: RabbitSubscriptionOptions): Promise<void> {
  const { link, signal, onProblem } = options;
  while (!signal.aborted) {
    try {
      await subscribe(options);
    } catch (error) {
      if (!signal.aborted) onProblem(rabbitProblem(error, link.address));
    }
    await sleep(restMs, undefined, { signal }).catch(() => {});
  }
}

async function subscribe(options: RabbitSubscriptionOptions): Promise<void> {
  const { link, topology, queue, prefetch, heartbeatMs, signal, onMessage, onLost, onStopped } = options;
  const channel = await link.channel();
  const over = Promise.withResolvers<void>();
  const lose = () => {
    onLost(channel);
    over.resolve();
  };
  channel.on("close", lose);
  // The queue was deleted.
  channel.on("basic.cancel", lose);
  signal.addEventListener("abort", () => over.resolve(), { once: true });
  const watch = watchSleep(heartbeatMs, lose);
  try {
    signal.throwIfAborted();
    await topology.declare(channel);
    await channel.basicQos({ prefetchCount: Math.min(prefetch, maxPrefetch) });
    const { consumerTag } = await channel.basicConsume({ queue }, (message) => onMessage(message, channel));
    if (!signal.aborted) await over.promise;
    if (signal.aborted && channel.active) {
      await channel.basicCancel({ consumerTag });
      await onStopped(channel);
    }
  } finally {
    clearInterval(watch);
    lose();
    await channel.close();
  }
}

/** A process that slept for a heartbeat may have been given up by the broker, and learns of that only later. */
function watchSleep(heartbeatMs: number, onSlept: () => void): NodeJS.Timeout {
  let last = performance.now();
  return setInterval(() => {
    const now = performance.now();
    if (now - last > heartbeatMs) onSlept();
    last = now;
  }, heartbeatMs / 4);
}
