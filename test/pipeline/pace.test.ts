import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { createSqlitePauses } from "../../src/ledger/sqlite-pauses.ts";
import { createPace, type PaceOptions } from "../../src/pipeline/pace.ts";
import { knownPauses, watchPauses } from "../../src/pipeline/pauses.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { eventually } from "../contracts/eventually.ts";
import { makeCandidate } from "../contracts/jobs.ts";

const never = new AbortController().signal;
const roomy = { wait: async () => {} };
const nothing = { all: false, routes: [] };
const paceOf = (options: Partial<PaceOptions>) =>
  createPace({ room: roomy, paused: () => nothing, pollMs: 5, ...options });

/** Whether the lane may begin a job within a moment. */
async function mayBegin(pace: ReturnType<typeof createPace>, lane: "bulk" | "interactive"): Promise<boolean> {
  const stop = new AbortController();
  const ready = pace.ready(lane, stop.signal).then(() => !stop.signal.aborted);
  const answer = await Promise.race([ready, sleep(60, false)]);
  stop.abort();
  return answer;
}

describe("when a lane may begin a job", () => {
  test("bulk begins in its window alone, what a person waits for always", async () => {
    const window = { from: 22 * 60, to: 6 * 60 };
    let hour = 21;
    const pace = paceOf({ window, now: () => new Date(2026, 10, 25, hour, 30).getTime() });
    assert.deepEqual([await mayBegin(pace, "bulk"), await mayBegin(pace, "interactive")], [false, true]);
    const waiting = pace.ready("bulk", never);
    hour = 23;
    await waiting;
    hour = 3;
    assert.ok(await mayBegin(pace, "bulk"));
  });

  test("bulk keeps to its rate, evenly, what a person waits for does not", async () => {
    const pace = paceOf({ ratePerMinute: 60_000 / 40 });
    const begun: number[] = [];
    const start = performance.now();
    for (let index = 0; index < 6; index++) {
      await pace.ready("bulk", never);
      begun.push(performance.now() - start);
    }
    for (const [index, at] of begun.entries()) assert.ok(at >= index * 40 - 8, `${begun}`);
    const before = performance.now();
    for (let index = 0; index < 100; index++) await pace.ready("interactive", never);
    assert.ok(performance.now() - before < 100);
  });

  test("both wait for room", async () => {
    const room = { wait: (signal: AbortSignal) => sleep(10_000, undefined, { signal }).catch(() => {}) };
    const pace = paceOf({ room });
    assert.deepEqual([await mayBegin(pace, "bulk"), await mayBegin(pace, "interactive")], [false, false]);
  });

  test("nobody waits on after the signal", async () => {
    const pace = paceOf({ paused: () => ({ all: true, routes: [] }) });
    await pace.ready("bulk", AbortSignal.timeout(20));
  });
});

describe("pauses", () => {
  test("are seen by whoever watches the same file, and end one by one or all at once", async () => {
    await using sqlite = await openSqlite(":memory:");
    const pauses = await createSqlitePauses(sqlite);
    const watched = await watchPauses(await createSqlitePauses(sqlite), assert.fail, 5);
    const stop = new AbortController();
    const running = watched.run(stop.signal);
    const pace = paceOf({ paused: watched.current });
    for (const route of ["b", "a", "a"]) await pauses.pause(route);
    await eventually("two routes are paused", () => watched.current().routes.length === 2);
    assert.deepEqual(pace.pausedRoutes("bulk"), ["a", "b"]);
    assert.deepEqual(pace.pausedRoutes("interactive"), []);
    assert.ok(await mayBegin(pace, "bulk"), "the other routes go on");
    await pauses.resume("b");
    await pauses.pause();
    await eventually("everything is paused", () => watched.current().all);
    assert.deepEqual(await pauses.read(), { all: true, routes: ["a"] });
    assert.deepEqual([await mayBegin(pace, "bulk"), await mayBegin(pace, "interactive")], [false, true]);
    const waiting = pace.ready("bulk", never);
    await pauses.resume();
    await waiting;
    assert.deepEqual(await pauses.read(), nothing);
    stop.abort();
    await running;
  });

  test("are for routes that are configured or have jobs, and may always be lifted", async () => {
    await using sqlite = await openSqlite(":memory:");
    const ledger = await createSqliteLedger({ sqlite, installationKey: "test" });
    await ledger.admit([makeCandidate({ route: "former" })]);
    const plain = await createSqlitePauses(sqlite);
    const watched = await watchPauses(plain, assert.fail);
    const pauses = knownPauses(plain, ledger, () => ["folder", "ward"], watched.lookNow);
    for (const route of ["ward", "former", "upload"]) await pauses.pause(route);
    assert.deepEqual(watched.current().routes, ["former", "upload", "ward"], "whoever changes them need not wait");
    await plain.pause("gone");
    const refused = {
      code: "invalid-request",
      message: "Expected one of folder, ward, upload, former for the route but received wrad",
    };
    await assert.rejects(pauses.pause("wrad"), refused);
    await pauses.resume("gone");
    await pauses.resume("wrad");
    assert.deepEqual(watched.current().routes, ["former", "upload", "ward"]);
    assert.deepEqual((await pauses.read()).routes, ["former", "upload", "ward"]);
    await pauses.pause();
    assert.equal((await pauses.read()).all, true);
  });
});
