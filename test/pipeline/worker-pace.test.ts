import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createSerial } from "../../src/core/serial.ts";
import { Problem } from "../../src/errors.ts";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { createMarks } from "../../src/pipeline/marks.ts";
import type { Pace } from "../../src/pipeline/pace.ts";
import { noResultCache } from "../../src/pipeline/result-cache.ts";
import type { Spool } from "../../src/pipeline/spool.ts";
import { runWorker, type WorkerParts } from "../../src/pipeline/worker.ts";
import { createMemoryQueue } from "../../src/queues/memory.ts";
import type { Queue } from "../../src/queues/queue.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { createMemoryStore } from "../../src/stores/memory.ts";
import { eventually } from "../contracts/eventually.ts";
import { makeCandidate } from "../contracts/jobs.ts";

/** A worker whose every job dies at once, because its object is not there: when it dies shows when it began. */
async function startWorker(
  pace: Pace,
  wrap: (queue: Queue) => Queue = (queue) => queue,
  more: Partial<Pick<WorkerParts, "maxRetries" | "onProblem" | "storeOf">> = {},
) {
  const sqlite = await openSqlite(":memory:");
  const ledger = await createSqliteLedger({ sqlite, installationKey: "0".repeat(64) });
  const queue = wrap(createMemoryQueue({ pollMs: 5 }));
  const store = createMemoryStore({ name: "input" });
  const stop = new AbortController();
  const working = runWorker(
    {
      ...{ ledger, queue, pace, concurrency: 2, maxRetries: 0, retryDelayMs: 1 },
      ...{ puts: createSerial(), bury: () => assert.fail(), marks: createMarks("test") },
      ...{ routes: new Map(), storeOf: () => store, now: Date.now, random: Math.random },
      ...{ limits: { maxBytes: 1, maxPixels: 1, maxFrames: 1 }, detector: { name: "none", digest: "none" } },
      ...{ spool: { receive: assert.fail } as unknown as Spool, medium: { open: assert.fail } },
      ...{ results: noResultCache, onProblem: assert.fail, observe: () => {}, ...more },
    },
    stop.signal,
  );
  return {
    ...{ ledger, queue, stop, working },
    async admit(key: string, lane: "bulk" | "interactive", route = "folder") {
      const [admission] = await ledger.admit([makeCandidate({ key, route }, { lane })]);
      await queue.publish([admission!.record.job], lane);
      return admission!.record.job.id;
    },
    stateOf: async (id: string) => (await ledger.get(id))?.state,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await working;
      await queue.close();
      await sqlite.close();
    },
  };
}

/** A pace whose bulk lane somebody opens. */
function gated() {
  const gate = { isOpen: false, paused: [] as string[] };
  const pace: Pace = {
    async ready(lane, signal) {
      while (lane === "bulk" && !gate.isOpen && !signal.aborted) await sleep(5);
    },
    pausedRoutes: (lane) => (lane === "bulk" ? gate.paused : []),
  };
  return { gate, pace };
}

describe("a worker's pace", () => {
  test("holds up one lane and not the other, and starts no attempt meanwhile", async () => {
    const { gate, pace } = gated();
    await using worker = await startWorker(pace);
    const bulk = await worker.admit("bulk.jpg", "bulk");
    const person = await worker.admit("person.jpg", "interactive");
    await eventually("the person's job has ended", async () => (await worker.stateOf(person)) === "dead");
    assert.equal(await worker.stateOf(bulk), "admitted");
    gate.isOpen = true;
    await eventually("the other one too", async () => (await worker.stateOf(bulk)) === "dead");
  });

  test("sends back what a queue lends of a paused route although it should not", async () => {
    const { gate, pace } = gated();
    gate.isOpen = true;
    gate.paused = ["paused"];
    // As a broker does, which knows nothing of routes.
    const blind = (queue: Queue): Queue => ({
      ...queue,
      consume: ({ lane, prefetch, signal }) => queue.consume({ lane, prefetch, signal }),
    });
    await using worker = await startWorker(pace, blind);
    const paused = [];
    for (const key of ["a", "b", "c", "d"]) paused.push(await worker.admit(key, "bulk", "paused"));
    const going = await worker.admit("e", "bulk");
    await eventually("the other route goes on", async () => (await worker.stateOf(going)) === "dead");
    for (const id of paused) assert.equal(await worker.stateOf(id), "admitted");
    assert.equal(await worker.queue.depth!("bulk"), 4);
  });

  test("outlasts a queue that takes no retry for a while, of a paused route or of another one", async () => {
    const { gate, pace } = gated();
    gate.isOpen = true;
    gate.paused = ["paused"];
    let refusals = 0;
    const broker = { isFull: true };
    const told: Problem[] = [];
    const blocked = (queue: Queue): Queue => ({
      ...queue,
      async *consume({ lane, prefetch, signal }) {
        for await (const delivery of queue.consume({ lane, prefetch, signal })) {
          yield {
            ...delivery,
            retry(delayMs) {
              if (!broker.isFull) return delivery.retry(delayMs);
              refusals += 1;
              return Promise.reject(new Problem("queue-unavailable", "the delay queue is full"));
            },
          };
        }
      },
    });
    const away = () => Promise.reject(new Problem("store-unavailable", "the share is away"));
    await using worker = await startWorker(pace, blocked, {
      maxRetries: 1,
      onProblem: (problem) => told.push(problem),
      storeOf: () => ({ ...createMemoryStore({ name: "input" }), get: away }),
    });
    const paused = await worker.admit("a.jpg", "bulk", "paused");
    const failing = await worker.admit("b.jpg", "bulk", "away");
    await eventually("both are refused", () => refusals >= 2);
    assert.deepEqual([await worker.stateOf(paused), await worker.stateOf(failing)], ["admitted", "failed"]);
    broker.isFull = false;
    await eventually("the other one goes on", async () => (await worker.stateOf(failing)) === "dead");
    assert.deepEqual([...new Set(told.map(({ code }) => code))], ["queue-unavailable"]);
    assert.equal(await worker.stateOf(paused), "admitted");
  });

  test("stops at once when told to while it waits, and leaves the job for the next one", async () => {
    await using worker = await startWorker(gated().pace);
    const id = await worker.admit("bulk.jpg", "bulk");
    await sleep(30);
    worker.stop.abort();
    await worker.working;
    assert.equal(await worker.stateOf(id), "admitted");
    assert.equal(await worker.queue.depth!("bulk"), 1);
  });

  test("never has more in work than its lanes may, however many wait", async () => {
    let begun = 0;
    let most = 0;
    const slow: Pace = { ready: async () => {}, pausedRoutes: () => [] };
    const counting = (queue: Queue): Queue => ({
      ...queue,
      async *consume(options) {
        for await (const delivery of queue.consume(options)) {
          begun += 1;
          most = Math.max(most, begun);
          const ended = (end: () => Promise<void>) => () => {
            begun -= 1;
            return end();
          };
          yield { ...delivery, ack: ended(delivery.ack), deadLetter: ended(delivery.deadLetter) };
        }
      },
    });
    await using worker = await startWorker(slow, counting);
    const ids: string[] = [];
    for (let index = 0; index < 60; index++) ids.push(await worker.admit(`${index}.jpg`, "bulk"));
    await eventually("all have ended", async () => (await worker.ledger.counts()).dead === ids.length);
    assert.equal(most, 2);
  });
});

test("a problem says its class", () => {
  assert.equal(new Problem("store-denied", "x").class, "store");
  assert.equal(new Problem("out-of-memory", "x").class, "out-of-memory");
});
