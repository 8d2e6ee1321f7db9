import assert from "node:assert/strict";
import { test } from "node:test";
import { createSerial } from "../../src/core/serial.ts";
import { Problem } from "../../src/errors.ts";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { createMarks } from "../../src/pipeline/marks.ts";
import { noResultCache } from "../../src/pipeline/result-cache.ts";
import type { Spool } from "../../src/pipeline/spool.ts";
import { runWorker } from "../../src/pipeline/worker.ts";
import { createMemoryQueue } from "../../src/queues/memory.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { makeCandidate } from "../contracts/jobs.ts";

test("when the ledger fails the worker stops instead of guessing", async () => {
  const sqlite = await openSqlite(":memory:");
  const ledger = await createSqliteLedger({ sqlite, installationKey: "test" });
  const queue = createMemoryQueue({ pollMs: 10 });
  const [admission] = await ledger.admit([makeCandidate({ key: "a.jpg" })]);
  await queue.publish([admission!.record.job], "bulk");
  const fails = () => Promise.reject(new Problem("store-full", "the disk is full"));
  const broken = { ...ledger, start: fails, append: fails };
  const working = runWorker(
    {
      ...{ ledger: broken, queue, concurrency: 1, maxRetries: 3, retryDelayMs: 5 },
      ...{ puts: createSerial(), bury: () => assert.fail(), marks: createMarks("test") },
      ...{ pace: { ready: async () => {}, pausedRoutes: () => [] }, routes: new Map(), storeOf: () => assert.fail() },
      ...{ limits: { maxBytes: 1, maxPixels: 1, maxFrames: 1 }, detector: { name: "none", digest: "none" } },
      // Nothing is fetched or opened before the attempt is written down.
      ...{ spool: { receive: assert.fail } as unknown as Spool, medium: { open: assert.fail }, results: noResultCache },
      ...{ onProblem: assert.fail, observe: assert.fail, now: Date.now, random: () => 0.5 },
    },
    new AbortController().signal,
  );
  await assert.rejects(working, (error) => error instanceof Problem && error.code === "store-full");
  assert.equal(await queue.depth!("bulk"), 1, "the job stays in the queue");
  await queue.close();
  await sqlite.close();
});
