import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Job } from "../../src/core/job.ts";
import { createSqliteQueue } from "../../src/queues/sqlite.ts";
import { openSqlite, type Sqlite } from "../../src/sqlite.ts";
import { makeJob } from "../contracts/jobs.ts";
import { collect, type DurableQueueUnderTest, durableQueueContract, queueContract } from "../contracts/queue.ts";
import { startHolder } from "../contracts/queue-holder.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";

const leaseMs = 1000;

async function openQueue(): Promise<DurableQueueUnderTest & { readonly path: string }> {
  const folder = await temporaryFolder();
  const path = join(folder.path, "veil.db");
  const closers: (() => Promise<unknown>)[] = [];

  async function client() {
    const sqlite = await openSqlite(path);
    const queue = await createSqliteQueue({ sqlite, leaseMs, pollMs: 100 });
    closers.push(async () => {
      await queue.close();
      await sqlite.close();
    });
    return queue;
  }

  return {
    path,
    leaseMs,
    queue: await client(),
    another: client,
    hold: (prefetch) =>
      startHolder(join(import.meta.dirname, "sqlite-holder.ts"), [path, String(leaseMs), String(prefetch)], closers),
    async [Symbol.asyncDispose]() {
      for (const close of closers.splice(0)) await close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

queueContract("sqlite", openQueue);
durableQueueContract("sqlite", openQueue);

describe("the sqlite queue", () => {
  test("refuses a job of more than 16 kB, for its name is all that a queue carries", async () => {
    await using opened = await openQueue();
    const publishing = opened.queue.publish([makeJob(), makeJob({ key: "x".repeat(16_384) })], "bulk");
    await assert.rejects(publishing, { name: "Problem", code: "invalid-request" });
    assert.equal(await opened.queue.depth?.("bulk"), 0);
  });

  for (const paused of [[], ["another"]])
    test(`lends what comes again and what is new in turn${paused.length > 0 ? ", beside a paused route" : ""}`, async () => {
      await using opened = await openQueue();
      const isOld = (job: Job) => job.input.key.startsWith("old");
      const jobs = ["old", "new"].flatMap((word) =>
        Array.from({ length: 6 }, (_, i) => makeJob({ key: `${word}-${i}` })),
      );
      await opened.queue.publish(jobs.filter(isOld), "bulk");
      {
        await using first = collect(opened.queue, 6);
        const deliveries = await first.take(6);
        await first.stop();
        for (const delivery of deliveries) await delivery.retry(0);
      }
      await opened.queue.publish(
        jobs.filter((job) => !isOld(job)),
        "bulk",
      );
      const lent: Job[] = [];
      const consuming = opened.queue.consume({
        ...{ lane: "bulk", prefetch: 1, paused: () => paused, signal: AbortSignal.timeout(10_000) },
      });
      for await (const delivery of consuming) {
        lent.push(delivery.job);
        await delivery.ack();
        if (lent.length === jobs.length) break;
      }
      assert.deepEqual(lent.slice(0, 6).map(isOld).filter(Boolean).length, 3);
      assert.deepEqual(new Set(lent.map(({ input }) => input.key)).size, 12);
      const orderOf = (old: boolean) => lent.filter((job) => isOld(job) === old).map(({ input }) => input.key);
      assert.deepEqual([orderOf(true), orderOf(false)], [orderOf(true).toSorted(), orderOf(false).toSorted()]);
    });

  test("loses its leases when the database stops answering", async () => {
    await using opened = await openQueue();
    const sqlite = await openSqlite(opened.path);
    let isStuck = false;
    const stuck: Sqlite = { ...sqlite, write: (all) => (isStuck ? new Promise(() => {}) : sqlite.write(all)) };
    const queue = await createSqliteQueue({ sqlite: stuck, leaseMs });
    await queue.publish([makeJob()], "bulk");
    const consumer = collect(queue, 1);
    const [delivery] = await consumer.take(1);
    isStuck = true;
    await once(delivery!.signal, "abort");
    assert.equal(delivery?.signal.reason.code, "lease-lost");
    isStuck = false;
    await sqlite.write([{ sql: "update queue set due_at = 0" }]);
    await queue.close();
    await sqlite.close();
    await consumer.stop().catch(() => {});
    await using next = collect(opened.queue, 1);
    await next.take(1);
  });
});
