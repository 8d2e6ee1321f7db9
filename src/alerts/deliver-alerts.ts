import type { Bell } from "../bell.ts";
import { Problem, toProblem } from "../errors.ts";
import type { AlertChannel } from "./alert.ts";
import type { Outbox, Waiting } from "./outbox.ts";

export interface DeliverAlertsOptions {
  readonly channel: AlertChannel;
  readonly outbox: Outbox;
  /** Rung when something was added. */
  readonly bell: Bell;
  readonly onProblem: (problem: Problem) => void;
  /** Before the second attempt; later ones wait three times as long each, up to an hour. */
  readonly retryDelayMs?: number;
  /** How long one message is tried. */
  readonly giveUpMs?: number;
}

const growth = 3;
const maxDelayMs = 3_600_000;
const dayMs = 24 * 3_600_000;
/** How late a message may be noticed that was postponed. */
const pollMs = 1000;
/** Messages in one digest, or taken up in one round. */
const most = 500;

/** Sends what waits for one channel until the signal aborts; what is not taken is tried again, for a day. */
export async function deliverAlerts(options: DeliverAlertsOptions, signal: AbortSignal): Promise<void> {
  const { channel, outbox, bell, onProblem, retryDelayMs = 5_000, giveUpMs = dayMs } = options;
  const { name, digestMs, send } = channel;
  const nextMark = `next:${name}`;

  async function attempt(waiting: readonly Waiting[]): Promise<void> {
    const ids = waiting.map(({ message }) => message.id);
    try {
      await send(
        waiting.map(({ message }) => message),
        signal,
      );
    } catch (error) {
      if (signal.aborted) return;
      const { code, message } = toProblem(error);
      onProblem(new Problem(code, `Alerts by ${name}: ${message}`, { cause: error }));
      await putOff(waiting);
      return;
    }
    await outbox.sent(name, ids, digestMs > 0 ? { name: nextMark, at: Date.now() + digestMs } : undefined);
  }

  async function putOff(waiting: readonly Waiting[]): Promise<void> {
    const now = Date.now();
    const [over, again] = [
      waiting.filter(({ createdAt }) => now - createdAt >= giveUpMs),
      waiting.filter(({ createdAt }) => now - createdAt < giveUpMs),
    ];
    for (const { message, attempts } of over) {
      const detail = `Alert ${message.id} (${message.kind}) by ${name} was given up after ${attempts + 1} attempts`;
      onProblem(new Problem("store-unavailable", detail));
    }
    if (over.length > 0)
      await outbox.sent(
        name,
        over.map(({ message }) => message.id),
      );
    const fewest = Math.min(...again.map(({ attempts }) => attempts));
    const delayMs = Math.min(retryDelayMs * growth ** fewest, maxDelayMs);
    const ids = again.map(({ message }) => message.id);
    if (ids.length > 0) await outbox.postpone(name, ids, now + delayMs);
  }

  while (!signal.aborted) {
    try {
      const now = Date.now();
      const resting = digestMs > 0 && ((await outbox.mark(nextMark)) ?? 0) > now;
      const waiting = resting ? [] : await outbox.due(name, now, most);
      if (digestMs > 0 && waiting.length > 0) await attempt(waiting);
      if (digestMs === 0) {
        for (const one of waiting) if (!signal.aborted) await attempt([one]);
      }
    } catch (error) {
      if (!signal.aborted) onProblem(toProblem(error));
    }
    await bell.wait(pollMs, signal);
  }
}
