import type { Channel } from "rabbitmq-client";
import { type Lane, lanes } from "../core/job.ts";

export interface RabbitTopologyOptions {
  readonly prefix: string;
  /** Ascending: how long the delay queues hold a job, in ms. */
  readonly delayStepsMs: readonly number[];
  /** How often the broker may lend one job in vain before it takes it out of its lane. */
  readonly deliveryLimit: number;
  /** The most jobs in a lane; beyond it publishing is refused. Absent: no limit of veil's own. */
  readonly maxLength?: number | undefined;
  /** How long the broker waits for a job to be settled. Absent: what the broker is set to. */
  readonly consumerTimeoutMs?: number | undefined;
}

/** The queues that veil uses on a broker, by their names. */
export interface RabbitTopology {
  /** What waits to be worked. */
  lane(lane: Lane): string;
  /** The delay queue that holds a job for at least `delayMs`, or the longest one there is. */
  delay(lane: Lane, delayMs: number): string;
  /** Every queue in which a lane's jobs wait, the lane's own last. */
  waiting(lane: Lane): readonly string[];
  /** Where the broker puts what it takes out of a lane. */
  readonly dead: string;
  /** What veil can't work: nothing takes it out but a person. */
  readonly unreadable: string;
  /** Creates what is missing. Rejects where a queue exists with other arguments. */
  declare(channel: Channel): Promise<void>;
}

export function rabbitTopology(options: RabbitTopologyOptions): RabbitTopology {
  const { prefix, delayStepsMs, deliveryLimit, maxLength, consumerTimeoutMs } = options;
  const nameOf = (lane: Lane) => `${prefix}.${lane}`;
  // The name holds the time: other steps need other queues, and what waits in old ones still comes back by itself.
  const delayName = (lane: Lane, stepMs: number) => `${prefix}.${lane}.delay.${stepMs}`;
  const dead = `${prefix}.dead`;
  const unreadable = `${prefix}.unreadable`;

  // At-least-once dead-lettering keeps a message until its next queue has confirmed it; it needs reject-publish.
  const quorum = { "x-queue-type": "quorum", "x-overflow": "reject-publish" } as const;
  const deadLetteredTo = (queue: string) => ({
    "x-dead-letter-exchange": "",
    "x-dead-letter-routing-key": queue,
    "x-dead-letter-strategy": "at-least-once",
  });

  function argumentsByQueue(): Map<string, Record<string, string | number>> {
    const queues = new Map<string, Record<string, string | number>>([
      [unreadable, quorum],
      [dead, quorum],
    ]);
    for (const lane of lanes) {
      queues.set(nameOf(lane), {
        ...quorum,
        ...deadLetteredTo(dead),
        "x-delivery-limit": deliveryLimit,
        ...(maxLength !== undefined && { "x-max-length": maxLength }),
        ...(consumerTimeoutMs !== undefined && { "x-consumer-timeout": consumerTimeoutMs }),
      });
      // One queue a step: a queue's messages expire at its head only, so different times can't share one.
      for (const stepMs of delayStepsMs) {
        const its = { ...quorum, ...deadLetteredTo(nameOf(lane)), "x-message-ttl": stepMs };
        queues.set(delayName(lane, stepMs), its);
      }
    }
    return queues;
  }

  return {
    lane: nameOf,
    delay: (lane, delayMs) => delayName(lane, delayStepsMs.find((stepMs) => stepMs >= delayMs) ?? delayStepsMs.at(-1)!),
    waiting: (lane) => [...delayStepsMs.map((stepMs) => delayName(lane, stepMs)), nameOf(lane)],
    dead,
    unreadable,
    async declare(channel) {
      for (const [queue, its] of argumentsByQueue()) {
        await channel.queueDeclare({ queue, durable: true, arguments: its });
      }
    },
  };
}
