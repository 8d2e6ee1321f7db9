import assert from "node:assert/strict";
import { after, test } from "node:test";
import { until } from "../e2e/program.ts";
import { openHosts } from "../fixtures/hosts.ts";
import { startPostgres, withoutPostgres } from "../fixtures/postgres-server.ts";
import { startRabbit, withoutRabbit } from "../fixtures/rabbitmq-server.ts";

const skip = withoutPostgres || withoutRabbit();
const postgres = skip === false ? await startPostgres() : undefined;
const rabbit = skip === false ? await startRabbit() : undefined;
after(async () => {
  await rabbit?.[Symbol.asyncDispose]();
  await postgres?.[Symbol.asyncDispose]();
});

test("/readyz fails while the broker or the database is silent, within seconds, and recovers", { skip }, async () => {
  await using hosts = await openHosts({ postgres: postgres!, rabbit: rabbit!, prefix: "ready", leaseMs: 15_000 });
  await using veil = await hosts.start("one");
  const ready = async () =>
    (await (await fetch(`${veil.address}/readyz`)).json()) as { readonly status: unknown; readonly code?: string };
  assert.equal((await ready()).status, "ready");
  for (const [server, code] of [
    [rabbit!, "queue-unavailable"],
    [postgres!, "ledger-unavailable"],
  ] as const) {
    const began = performance.now();
    await server.kill();
    try {
      await until(`${code} is said`, async () => (await ready()).code === code, 20_000);
      assert.ok(performance.now() - began < 12_000, "it took too long to say so");
    } finally {
      await server.start();
    }
    await until("it is ready again", async () => (await ready()).status === "ready", 30_000);
  }
});
