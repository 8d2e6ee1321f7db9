import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createConnectionBudget } from "../../src/http/connection-budget.ts";
import { createMetrics } from "../../src/http/metrics.ts";
import { createMonitorServer } from "../../src/http/monitor.ts";
import { createLog } from "../../src/log.ts";

/** A monitor's server over a ledger that counts how often it is asked, and may be away. */
async function openMonitor() {
  const ledger = { asked: 0, isAway: false };
  const connections = createConnectionBudget();
  const metrics = createMetrics({
    connections: connections.figures,
    ledger: {
      async counts() {
        ledger.asked++;
        await sleep(20);
        if (ledger.isAway) throw new Error("away");
        return { queued: ledger.asked } as never;
      },
    },
    queue: {},
    ...{ progress: async () => [], paused: () => ({ all: false, routes: [] }) as never, routes: () => [] },
    room: { look: async () => ({ share: 0 }) as never },
    alerts: { raised: () => ({}), waiting: async () => ({}) },
    ...{ announced: async () => ({}), engine: () => ({ live: 1, busy: 0, waiting: 0, replaced: 0 }) },
  });
  const detector = { name: "none", digest: "none" };
  const parts = { metrics, detector, connections, readiness: { require: async () => {} } };
  const server = await createMonitorServer(parts, createLog({ level: "silent", human: false }));
  const address = await server.listen({ host: "127.0.0.1", port: 0 });
  return {
    ...{ ledger, metrics },
    async scrape() {
      const answer = await fetch(`${address}/metrics`);
      return { status: answer.status, jobs: /^veil_jobs\{state="queued"\} (\d+)$/m.exec(await answer.text())?.[1] };
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
}

describe("/metrics at the monitor's address", () => {
  test("asks the ledger once for all who scrape at the same time, and not again for a second", async () => {
    await using monitor = await openMonitor();
    const first = { status: 200, jobs: "1" };
    assert.deepEqual(await Promise.all(Array.from({ length: 20 }, monitor.scrape)), Array(20).fill(first));
    assert.deepEqual(await monitor.scrape(), first);
    assert.equal(monitor.ledger.asked, 1);
    await sleep(1100);
    assert.deepEqual(await monitor.scrape(), { status: 200, jobs: "2" });
  });

  test("keeps no failure: the next scrape asks anew", async () => {
    await using monitor = await openMonitor();
    monitor.ledger.isAway = true;
    assert.deepEqual(
      (await Promise.all([monitor.scrape(), monitor.scrape()])).map(({ status }) => status),
      [500, 500],
    );
    const { asked } = monitor.ledger;
    monitor.ledger.isAway = false;
    assert.equal((await monitor.scrape()).status, 200);
    assert.equal(monitor.ledger.asked, asked + 1);
  });

  test("is asked for by the page's address as it is now, once for all at the same time", async () => {
    await using monitor = await openMonitor();
    const texts = await Promise.all([1, 2, 3].map(async () => (await monitor.metrics.render()).text));
    assert.equal(new Set(texts).size, 1);
    assert.equal(monitor.ledger.asked, 1);
    assert.match((await monitor.metrics.render()).text, /^veil_jobs\{state="queued"\} 2$/m);
  });
});
