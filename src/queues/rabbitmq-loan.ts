import type { Channel } from "rabbitmq-client";
import type { Job } from "../core/job.ts";
import { Problem } from "../errors.ts";
import type { Delivery } from "./queue.ts";
import { within } from "./rabbitmq-link.ts";

export interface RabbitLoan extends Delivery {
  readonly channel: Channel;
  /** Set once it is handed out: called when the loan ends, settled or lost. */
  ended?: () => void;
  /** Ends the loan without settling it. */
  lose(): void;
  /** Lends the job again at once. */
  giveBack(): void;
}

export interface RabbitLoanOptions {
  readonly job: Job;
  readonly channel: Channel;
  readonly deliveryTag: number;
  /** Publishes a copy that is lent not before `delayMs` from now, however long a broker that is blocked or away takes. */
  readonly copyLater: (delayMs: number, signal: AbortSignal) => Promise<void>;
  /** How long a retry waits for that. */
  readonly waitMs: number;
  /** The loan has ended, settled or lost. */
  readonly onEnded: (loan: RabbitLoan) => void;
}

/** A message lent as long as its channel lives. */
export function lendMessage({ job, channel, deliveryTag, copyLater, waitMs, onEnded }: RabbitLoanOptions): RabbitLoan {
  const lost = new AbortController();
  const problem = () => new Problem("lease-lost", `The lease of job ${job.id} was lost`);
  let isOpen = true;
  let isSettling = false;
  let copying: Promise<void> | undefined;

  function end(): void {
    isOpen = false;
    onEnded(loan);
    loan.ended?.();
  }

  function lose(): void {
    // Ended first: whoever hears of the abort must not settle it any more.
    isOpen = false;
    lost.abort(problem());
    end();
  }

  async function settle(how: () => void | Promise<void>): Promise<void> {
    if (!channel.active && isOpen) lose();
    if (!isOpen || isSettling) throw problem();
    isSettling = true;
    try {
      await how();
    } catch (error) {
      isSettling = false;
      // A lost channel says nothing about the rest; what failed for another reason may be asked for again.
      if (isOpen && channel.active) throw error;
      if (isOpen) lose();
      throw problem();
    }
    if (isOpen) end();
  }

  /** A copy that the broker may have taken already is waited for again, and not sent a second time. */
  async function copy(delayMs: number): Promise<void> {
    copying ??= copyLater(delayMs, lost.signal).catch((error: unknown) => {
      copying = undefined;
      throw error;
    });
    // It goes on when nobody waits any more.
    copying.catch(() => {});
    try {
      await within(waitMs, copying);
    } catch (error) {
      if (error instanceof Problem) throw error;
      const detail = `RabbitMQ has not confirmed the next loan of job ${job.id} within ${waitMs} ms`;
      throw new Problem("queue-unavailable", detail, { cause: error });
    }
  }

  // An acknowledgement is not confirmed: one that is lost with its channel lends a settled job again.
  const ack = () => channel.basicAck({ deliveryTag });
  const requeue = () => channel.basicNack({ deliveryTag, requeue: true });

  const loan: RabbitLoan = {
    job,
    channel,
    signal: lost.signal,
    ack: () => settle(ack),
    deadLetter: () => settle(ack),
    retry: (delayMs) =>
      settle(async () => {
        if (delayMs <= 0) return requeue();
        // The copy is safe before the original goes: a crash between the two makes two, never none.
        await copy(delayMs);
        if (!isOpen) throw problem();
        ack();
      }),
    lose() {
      if (isOpen) lose();
    },
    giveBack() {
      if (!isOpen) return;
      if (channel.active) requeue();
      lose();
    },
  };
  return loan;
}
