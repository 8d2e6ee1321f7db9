import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Problem } from "../../src/errors.ts";
import { createStuckRoutes } from "../../src/pipeline/stuck-routes.ts";
import { createMemoryStore } from "../../src/stores/memory.ts";
import type { Store } from "../../src/stores/store.ts";
import { openWorkshop, startWorker, type Workshop } from "./running-worker.ts";

const silent = new Problem("store-unavailable", "silent");

describe("routes whose stores keep workers waiting", () => {
  function openClock() {
    let now = 0;
    const uptime = () => now;
    const routes = createStuckRoutes({ now: () => 1_000_000 + now, uptime, slowMs: 5_000, restMs: 15_000 });
    return {
      routes,
      attempt(route: string, afterMs: number) {
        routes.begun(route);
        return routes.ended(route, { problem: silent, afterMs });
      },
      pass: (ms: number) => {
        now += ms;
      },
    };
  }

  test("rest after one slow failure, longer each time, and not at all after a quick one", () => {
    const { routes, attempt, pass } = openClock();
    assert.equal(attempt("quick", 100), undefined);
    assert.deepEqual(routes.resting(), []);
    const rests = Array.from({ length: 7 }, () => {
      const restMs = attempt("slow", 30_000)!;
      assert.deepEqual(routes.resting(), ["slow"]);
      pass(restMs);
      assert.deepEqual(routes.resting(), []);
      return restMs / 15_000;
    });
    assert.deepEqual(rests, [1, 2, 4, 8, 16, 16, 16]);
  });

  test("are tried by one job alone, whose success ends it", () => {
    const { routes, attempt, pass } = openClock();
    attempt("slow", 30_000);
    pass(15_000);
    routes.begun("slow");
    assert.deepEqual(routes.resting(), ["slow"]);
    routes.ended("slow");
    assert.deepEqual(routes.resting(), []);
    assert.equal(attempt("slow", 30_000), 15_000, "its rests begin anew");
  });

  test("say why they rest and when they are tried again, for as long as they do", () => {
    const { routes, attempt, pass } = openClock();
    assert.equal(routes.restOf("slow"), undefined);
    attempt("slow", 30_000);
    pass(5_000);
    assert.deepEqual(routes.restOf("slow"), { problem: silent, triedAt: 1_015_000 });
    assert.equal(routes.restOf("other"), undefined);
    pass(10_000);
    assert.equal(routes.restOf("slow"), undefined, "nothing is begun to find out");
    routes.begun("slow");
    pass(2_000);
    assert.deepEqual(routes.restOf("slow"), { problem: silent, triedAt: 1_015_000 });
    routes.ended("slow");
    assert.equal(routes.restOf("slow"), undefined);
  });

  test("rest no longer for what had begun before", () => {
    const { routes, attempt, pass } = openClock();
    attempt("slow", 30_000);
    for (let late = 0; late < 5; late += 1)
      assert.equal(routes.ended("slow", { problem: silent, afterMs: 30_000 }), undefined);
    pass(15_000);
    assert.deepEqual(routes.resting(), []);
  });
});

describe("a store that is silent", () => {
  let workshop: Workshop;
  before(async () => {
    workshop = await openWorkshop();
  });
  after(() => workshop[Symbol.asyncDispose]());

  test("keeps a worker waiting now and then, and not with every job", async () => {
    let puts = 0;
    let isSilent = true;
    const told: string[] = [];
    const memory = createMemoryStore({ name: "masked" });
    const put: Store["put"] = async (...args) => {
      puts += 1;
      if (!isSilent) return memory.put(...args);
      await sleep(150);
      throw silent;
    };
    await using work = await startWorker(workshop, {
      output: { ...memory, put },
      maxRetries: 20,
      stuck: createStuckRoutes({ now: Date.now, uptime: () => performance.now(), slowMs: 100, restMs: 400 }),
      onProblem: ({ message }) => told.push(message),
    });
    const ids: string[] = [];
    for (let index = 0; index < 6; index += 1) ids.push(await work.take(`${index}.jpg`, workshop.portrait));
    await sleep(2000);
    // Two at once, then one alone after 0.4 and 0.8 s, beside what it costs to mask.
    assert.ok(puts <= 6, `${puts} puts`);
    assert.ok(told.some((one) => /^Jobs of route folder rest for/.test(one)));
    isSilent = false;
    for (const id of ids) await work.settled(id, "done");
  });
});
