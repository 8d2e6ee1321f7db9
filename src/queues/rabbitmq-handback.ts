import { setTimeout as sleep } from "node:timers/promises";
import type { AsyncMessage, Channel } from "rabbitmq-client";
import { Problem, toProblem } from "../errors.ts";
import { jobIn, notesOf, type RabbitMessage } from "./rabbitmq-message.ts";
import type { RabbitPublisher } from "./rabbitmq-publisher.ts";
import { keepSubscribed, type RabbitSubscriptionOptions } from "./rabbitmq-subscription.ts";
import type { RabbitTopology } from "./rabbitmq-topology.ts";

export interface RabbitHandbackOptions
  extends Pick<RabbitSubscriptionOptions, "link" | "heartbeatMs" | "signal" | "onProblem"> {
  readonly topology: RabbitTopology;
  readonly publisher: RabbitPublisher;
}

const restMs = 1000;

/**
 * Empties the broker's dead letters until the signal aborts: a job goes back to its lane once, where its attempts are
 * counted; what is no job, or comes a second time, is set aside for a person. Nothing is dropped.
 */
export async function keepHandingBack(options: RabbitHandbackOptions): Promise<void> {
  const { topology, publisher, signal, onProblem } = options;

  async function move(message: AsyncMessage, channel: Channel): Promise<void> {
    const { to, problem } = wayOf(message, topology);
    try {
      await publisher.send([to], signal);
      channel.basicAck({ deliveryTag: message.deliveryTag });
      onProblem(problem);
    } catch (error) {
      if (signal.aborted || !channel.active) return;
      onProblem(toProblem(error));
      await sleep(restMs, undefined, { signal }).catch(() => {});
      if (channel.active) channel.basicNack({ deliveryTag: message.deliveryTag, requeue: true });
    }
  }

  await keepSubscribed({
    ...options,
    queue: topology.dead,
    prefetch: 1,
    onMessage: (message, channel) => void move(message, channel),
    onLost: () => {},
    onStopped: async () => {},
  });
}

function wayOf(message: AsyncMessage, topology: RabbitTopology): { to: RabbitMessage; problem: Problem } {
  const { body } = message;
  const { lane, returned } = notesOf(message);
  const job = jobIn(message);
  if (job === undefined || lane === undefined) {
    const detail = `Expected a job in every message but received something else; it lies in ${topology.unreadable}`;
    const to = { queue: topology.unreadable, body, headers: { "veil-reason": "no job" } };
    return { to, problem: new Problem("invalid-request", detail) };
  }
  if (returned) {
    const detail = `Job ${job.id} ended no process that took it in order, twice; it lies in ${topology.unreadable}`;
    const to = { queue: topology.unreadable, body, headers: { "veil-lane": lane, "veil-reason": "never settled" } };
    return { to, problem: new Problem("crashed", detail) };
  }
  const to = { queue: topology.lane(lane), body, headers: { "veil-lane": lane, "veil-returned": 1 } };
  const detail = `Job ${job.id} was lent again and again and never settled; it is lent once more`;
  return { to, problem: new Problem("lease-lost", detail) };
}
