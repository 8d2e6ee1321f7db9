import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Alert, AlertChannel } from "../../src/alerts/alert.ts";
import { type AlertsOptions, createAlerts } from "../../src/alerts/alerts.ts";
import { createMail } from "../../src/alerts/mail.ts";
import { lastSummaryTime, summaryOf } from "../../src/alerts/summary.ts";
import { createWebhook } from "../../src/alerts/webhook.ts";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { eventually } from "../contracts/eventually.ts";
import { makeCandidate } from "../contracts/jobs.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { startSmtpReceiver } from "../fixtures/smtp-receiver.ts";
import { isGenuine, startWebhookReceiver, type WebhookReceiver } from "../fixtures/webhook-receiver.ts";

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const dead = (job: number, route = "folder"): Alert => ({
  ...{ kind: "dead-letter", route, message: `Job ${job} is a dead letter`, at: Date.now() },
});
const webhookTo = ({ port }: { readonly port: number }) =>
  createWebhook({ url: `http://127.0.0.1:${port}/`, secret, allowPrivate: true });
const dataOf = ({ hooks }: WebhookReceiver) =>
  hooks.map(({ body }) => JSON.parse(body).data as { kind: string; route: string; message: string; count: number });

/** Alerts that run over a SQLite file. */
async function start(path: string, channels: readonly AlertChannel[], options: Partial<AlertsOptions> = {}) {
  const sqlite = await openSqlite(path);
  const ledger = await createSqliteLedger({ sqlite, installationKey: "0".repeat(64) });
  const [logged, problems]: [Alert[], string[]] = [[], []];
  const alerts = await createAlerts({
    ...{ sqlite, ledger, channels, intervalMs: 60_000, retryDelayMs: 10, pollMs: 20 },
    log: (alert) => logged.push(alert),
    onProblem: ({ message }) => problems.push(message),
    ...options,
  });
  const stop = new AbortController();
  const running = alerts.run(stop.signal);
  return {
    ...{ alerts, ledger, sqlite, logged, problems },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await alerts.close();
      await sqlite.close();
    },
  };
}

describe("alerts", () => {
  test("tell the first of a kind and route at once, and count what follows until the interval ends", async () => {
    await using receiver = await startWebhookReceiver();
    await using running = await start(":memory:", [webhookTo(receiver)], { intervalMs: 1500 });
    const { alerts, logged } = running;
    alerts.raise(dead(1));
    await eventually("the first is told", () => receiver.hooks.length === 1);
    for (let job = 2; job <= 1000; job++) alerts.raise(dead(job));
    alerts.raise(dead(7, "upload"));
    alerts.raise({ kind: "room", message: "Room runs out", at: Date.now() });
    await eventually("other kinds and routes are told at once", () => receiver.hooks.length === 3);
    await eventually("the rest is told as a number", () => receiver.hooks.length === 4);
    const rest = dataOf(receiver).find(({ count }) => count > 1);
    assert.deepEqual(rest, { kind: "dead-letter", route: "folder", message: "Job 1000 is a dead letter", count: 999 });
    assert.equal(new Set(receiver.hooks.map(({ headers }) => headers["webhook-id"])).size, 4);
    assert.ok(receiver.hooks.every((hook) => isGenuine(hook, secret)));
    await sleep(1800);
    assert.equal(receiver.hooks.length, 4, "nothing is told twice");
    assert.equal(logged.length, 1002, "the log has each of them");
    assert.deepEqual(alerts.raised(), { "dead-letter": 1001, room: 1 });
  });

  test("a thousand dead letters make one mail, and one more for the next interval", async () => {
    await using receiver = await startSmtpReceiver();
    const mail = createMail({
      ...{ host: "127.0.0.1", port: receiver.port, security: "none", digestMs: 1500 },
      ...{ from: "veil@example.org", to: "it@example.org" },
    });
    await using running = await start(":memory:", [mail], { intervalMs: 300 });
    for (let job = 1; job <= 1000; job++) running.alerts.raise(dead(job, `route-${job % 3}`));
    await eventually("a mail comes", () => receiver.mails.length === 1);
    const counted = () =>
      receiver.mails.flatMap(({ text }) =>
        [...text.matchAll(/\(route-\d\)(?: (\d+) times)?/g)].map(([, n]) => Number(n ?? 1)),
      );
    await sleep(1000);
    assert.equal(receiver.mails.length, 1);
    await eventually("the next one has the rest", () => receiver.mails.length === 2);
    assert.equal(
      counted().reduce((sum, count) => sum + count, 0),
      1000,
    );
    assert.deepEqual(running.problems, []);
  });

  test("outlast a receiver that is away and a restart, and come once", async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "veil.sqlite");
    await using receiver = await startWebhookReceiver();
    receiver.answer = { status: 503 };
    {
      await using first = await start(file, [webhookTo(receiver)], { intervalMs: 100 });
      for (let job = 1; job <= 5; job++) first.alerts.raise(dead(job));
      await eventually("it was tried again", () => receiver.hooks.length >= 3);
      assert.match(first.problems[0]!, /^Alerts by webhook: Expected 2xx of 127\.0\.0\.1:\d+ but received 503$/);
      first.alerts.raise({ kind: "room", message: "raised at the last moment", at: Date.now() });
    }
    const tried = receiver.hooks.length;
    receiver.answer = { status: 200 };
    await using again = await start(file, [webhookTo(receiver)], { intervalMs: 100 });
    const taken = () => dataOf(receiver).slice(tried);
    await eventually("all is told", () => taken().reduce((sum, { count }) => sum + count, 0) === 6);
    assert.ok(taken().some(({ message }) => message === "raised at the last moment"));
    await eventually("nothing waits", async () => (await again.alerts.waiting()).webhook === 0);
    const ids = receiver.hooks.slice(tried).map(({ headers }) => headers["webhook-id"]);
    assert.equal(new Set(ids).size, ids.length);
    assert.ok(receiver.hooks.slice(0, tried).some(({ headers }) => ids.includes(headers["webhook-id"] as string)));
  });

  test("are given up after a day, and that is said", async () => {
    await using receiver = await startWebhookReceiver();
    receiver.answer = { status: 500 };
    await using running = await start(":memory:", [webhookTo(receiver)]);
    running.alerts.raise(dead(1));
    await eventually("it was tried", () => receiver.hooks.length >= 1);
    await running.sqlite.write([{ sql: "update alert_outbox set created_at = created_at - 86400000, due_at = 0" }]);
    await eventually("nothing waits", async () => (await running.alerts.waiting()).webhook === 0);
    assert.match(
      running.problems.at(-1)!,
      /^Alert msg_\S+ \(dead-letter\) by webhook was given up after \d+ attempts$/,
    );
  });

  test("without a channel there is the log alone", async () => {
    await using running = await start(":memory:", []);
    running.alerts.raise(dead(1));
    await sleep(60);
    assert.equal(running.logged.length, 1);
    const [rows] = await running.sqlite.read([{ sql: "select * from alert_windows" }]);
    assert.deepEqual(rows, []);
  });
});

describe("the daily summary", () => {
  test("is due at its hour, today or yesterday", () => {
    const at = (day: number, hour: number, minute = 0) => new Date(2026, 10, day, hour, minute).getTime();
    assert.equal(lastSummaryTime(8, at(25, 8)), at(25, 8));
    assert.equal(lastSummaryTime(8, at(25, 7, 59)), at(24, 8));
    assert.equal(lastSummaryTime(0, at(25, 23)), at(25, 0));
  });

  test("is sent once a day, after a night's stop too, and not at the first start", async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "veil.sqlite");
    await using receiver = await startWebhookReceiver();
    const options = { summaryHour: new Date().getHours() };
    {
      await using first = await start(file, [webhookTo(receiver)], options);
      const [admission] = await first.ledger.admit([makeCandidate(), makeCandidate({ key: "b.jpg" })]);
      const { id } = admission!.record.job;
      await first.ledger.append({ jobId: id, kind: "started", at: Date.now() });
      await first.ledger.append({ jobId: id, kind: "dead", at: Date.now(), code: "unreadable" });
      await sleep(100);
      assert.equal(receiver.hooks.length, 0);
      await first.sqlite.write([{ sql: "update alert_marks set at = at - 86400000 where name = 'summary'" }]);
      await eventually("it comes", () => receiver.hooks.length === 1);
    }
    await using _again = await start(file, [webhookTo(receiver)], options);
    await sleep(150);
    // Stopped between the answer and its note, it sends once more, under the same id.
    assert.equal(new Set(receiver.hooks.map(({ headers }) => headers["webhook-id"])).size, 1);
    const { type, data } = JSON.parse(receiver.hooks[0]!.body);
    assert.equal(type, "veil.summary");
    const [row] = data.routes;
    assert.deepEqual([row.route, row.ended, row.waiting, row.dead], ["folder", { dead: 1 }, 1, { unreadable: 1 }]);
    assert.match(
      data.message,
      /^folder: in the last day 1 dead; 1 waiting, the oldest since \S+; dead letters: 1 unread/,
    );
  });

  test("of a service that has done nothing says so", () => {
    assert.equal(summaryOf([], 0, "msg_1").message, "No jobs yet");
  });
});
