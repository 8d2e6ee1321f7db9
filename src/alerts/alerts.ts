import { randomUUID } from "node:crypto";
import { createBell } from "../bell.ts";
import { type Problem, toProblem } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Sqlite } from "../sqlite.ts";
import type { Alert, AlertChannel } from "./alert.ts";
import { deliverAlerts } from "./deliver-alerts.ts";
import { createOutbox, type Raised } from "./outbox.ts";
import { lastSummaryTime, summaryOf } from "./summary.ts";

/** Tells people what they should know, without telling it a thousand times. */
export interface Alerts {
  /**
   * Logs the alert at once. Outside goes the first of its kind and route; what follows within the interval is counted
   * and told at its end. Never fails, never waits.
   */
  raise(alert: Alert): void;
  /** How many were raised, by kind. */
  raised(): Readonly<Record<string, number>>;
  /** How many messages wait to be sent, by channel. */
  waiting(): Promise<Readonly<Record<string, number>>>;
  /** Sends, until the signal aborts; what then waits is sent after the next start. */
  run(signal: AbortSignal): Promise<void>;
  /** Writes down what was raised since `run` ended. */
  close(): Promise<void>;
}

export interface AlertsOptions {
  readonly sqlite: Sqlite;
  readonly ledger: Pick<Ledger, "stats">;
  readonly channels: readonly AlertChannel[];
  readonly intervalMs: number;
  /** Local hour of the daily summary; absent: none is sent. */
  readonly summaryHour?: number | undefined;
  /** Whether this process is to send today's; of several over the same ledger one is enough. */
  readonly isSummaryMine?: () => Promise<boolean>;
  /** Told of every alert. */
  readonly log: (alert: Alert) => void;
  readonly onProblem: (problem: Problem) => void;
  /** Before a failed delivery's second attempt. */
  readonly retryDelayMs?: number | undefined;
  /** How late the end of an interval may be noticed. */
  readonly pollMs?: number;
}

const dayMs = 24 * 3_600_000;
const summaryMark = "summary";

/** Alerts with a durable outbox in a SQLite file. */
export async function createAlerts(options: AlertsOptions): Promise<Alerts> {
  const { sqlite, ledger, channels, intervalMs, summaryHour, log, onProblem, retryDelayMs, pollMs = 1000 } = options;
  const { isSummaryMine = async () => true } = options;
  const newId = () => `msg_${randomUUID()}`;
  const names = channels.map(({ name }) => name);
  const outbox = await createOutbox({ sqlite, channels: names, intervalMs, newId });
  const raisedByKind = new Map<string, number>();
  const arrived = createBell();
  let pending = new Map<string, Raised>();

  async function takeIn(): Promise<void> {
    const taken = pending;
    pending = new Map();
    try {
      await outbox.add([...taken.values()], Date.now());
    } catch (error) {
      // Nothing of it was written: it is counted with what comes next.
      for (const [key, { alert, count }] of taken) {
        const newer = pending.get(key);
        pending.set(key, { alert: newer?.alert ?? alert, count: count + (newer?.count ?? 0) });
      }
      throw error;
    }
  }

  async function summarise(): Promise<void> {
    if (summaryHour === undefined || channels.length === 0) return;
    const now = Date.now();
    const due = lastSummaryTime(summaryHour, now);
    const last = await outbox.mark(summaryMark);
    if (last !== undefined && last >= due) return;
    // A first start has no day behind it.
    const isMine = last !== undefined && (await isSummaryMine());
    const messages = !isMine ? [] : [summaryOf(await ledger.stats(now - dayMs), now, newId())];
    await outbox.post(messages, { name: summaryMark, at: due });
  }

  return {
    raise(alert) {
      log(alert);
      raisedByKind.set(alert.kind, (raisedByKind.get(alert.kind) ?? 0) + 1);
      if (channels.length === 0) return;
      const key = JSON.stringify([alert.kind, alert.route]);
      pending.set(key, { alert, count: (pending.get(key)?.count ?? 0) + 1 });
      arrived.ring();
    },
    raised: () => Object.fromEntries(raisedByKind),
    waiting: () => outbox.sizes(),
    async run(signal) {
      const bells = channels.map(() => createBell());
      const deliveries = channels.map((channel, index) => {
        const rest = { ...(retryDelayMs !== undefined && { retryDelayMs }) };
        return deliverAlerts({ channel, outbox, bell: bells[index]!, onProblem, ...rest }, signal);
      });
      const told = (error: unknown) => onProblem(toProblem(error));
      while (!signal.aborted) {
        await takeIn().catch(told);
        await summarise().catch(told);
        for (const bell of bells) bell.ring();
        await arrived.wait(pollMs, signal);
      }
      await Promise.all(deliveries);
    },
    close: takeIn,
  };
}
