import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import type { Channel } from "rabbitmq-client";
import { type RabbitLink, within } from "./rabbitmq-link.ts";
import type { RabbitMessage } from "./rabbitmq-message.ts";
import { isRefusal, rabbitProblem } from "./rabbitmq-problem.ts";
import type { RabbitTopology } from "./rabbitmq-topology.ts";

export interface RabbitPublisherOptions {
  readonly link: RabbitLink;
  readonly topology: Pick<RabbitTopology, "declare">;
  /** How long to wait for a broker that is away, and for its confirmations. */
  readonly waitMs: number;
}

export interface RabbitPublisher {
  /** Opens the channel and declares the topology, if that is not done. */
  ready(): Promise<void>;
  /**
   * Returns once the broker has confirmed every message as stored. Rejects with a Problem if it refuses one, has no queue
   * for it, or stays away for `patienceMs`; what it had confirmed until then stays published. The signal ends the waiting.
   */
  send(messages: readonly RabbitMessage[], signal?: AbortSignal, patienceMs?: number): Promise<void>;
}

const restMs = 100;

export function createRabbitPublisher({ link, topology, waitMs }: RabbitPublisherOptions): RabbitPublisher {
  const returned = new Set<string>();
  let opening: Promise<Channel> | undefined;
  let sent = 0;

  /** The one channel in use; a lost one is opened anew, with the topology, for the broker may have lost that too. */
  function channel(): Promise<Channel> {
    if (opening !== undefined) return opening;
    const forget = () => {
      if (opening === mine) opening = undefined;
    };
    const mine = open(forget);
    mine.catch(forget);
    opening = mine;
    return mine;
  }

  async function open(forget: () => void): Promise<Channel> {
    const fresh = await link.channel();
    fresh.on("basic.return", ({ messageId }) => returned.add(messageId ?? ""));
    fresh.on("close", forget);
    try {
      await topology.declare(fresh);
      await fresh.confirmSelect();
      return fresh;
    } catch (error) {
      await fresh.close();
      throw error;
    }
  }

  async function sendOne(through: Channel, { queue, body, headers }: RabbitMessage): Promise<void> {
    sent += 1;
    const messageId = String(sent);
    const kept = { durable: true, mandatory: true, contentType: "application/json" };
    await through.basicPublish({ exchange: "", routingKey: queue, headers, messageId, ...kept }, body);
    // A message without a queue is returned and then confirmed; the client tells of the return one turn later.
    await turn();
    if (!returned.delete(messageId)) return;
    // The next channel declares the queue again.
    through.close();
    throw Object.assign(new Error(`there is no queue ${queue}`), { code: "NO_ROUTE" });
  }

  /** Answers what was not confirmed because the channel was lost. */
  async function attempt(messages: readonly RabbitMessage[]): Promise<readonly RabbitMessage[]> {
    const through = await channel();
    const results = await Promise.allSettled(messages.map((message) => sendOne(through, message)));
    const failed = results.flatMap((result, index) =>
      result.status === "rejected" ? [{ message: messages[index]!, error: result.reason as unknown }] : [],
    );
    const refused = failed.find(({ error }) => isRefusal(error));
    if (refused) throw refused.error;
    return failed.map(({ message }) => message);
  }

  return {
    async ready() {
      try {
        await channel();
      } catch (error) {
        throw rabbitProblem(error, link.address);
      }
    },
    async send(messages, signal, patienceMs = waitMs) {
      const until = Date.now() + patienceMs;
      let left = messages;
      while (left.length > 0) {
        try {
          left = await within(Math.max(until - Date.now(), restMs), attempt(left));
          if (left.length === 0) return;
          if (Date.now() > until) throw new Error(`no confirmation within ${patienceMs} ms`);
        } catch (error) {
          if (isRefusal(error) || Date.now() > until) throw rabbitProblem(error, link.address);
        }
        // Whoever aborts says why.
        await sleep(restMs, undefined, signal && { signal }).catch(() => signal?.throwIfAborted());
        signal?.throwIfAborted();
      }
    },
  };
}
