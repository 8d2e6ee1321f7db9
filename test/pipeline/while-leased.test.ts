import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Problem } from "../../src/errors.ts";
import type { Leases } from "../../src/ledger/leases.ts";
import { createSqliteLeases } from "../../src/ledger/sqlite-leases.ts";
import { whileLeased } from "../../src/pipeline/while-leased.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { eventually } from "../contracts/eventually.ts";

const ttlMs = 600;

/** Work that tells who is at it, and fails where two are. */
async function openWork() {
  const sqlite = await openSqlite(":memory:");
  const leases = await createSqliteLeases(sqlite);
  let at: string | undefined;
  const turns: string[] = [];
  const begin = (holder: string, using: Leases = leases, onProblem: (problem: Problem) => void = assert.ifError) => {
    const stop = new AbortController();
    const ended = whileLeased(
      { leases: using, name: "work", holder, ttlMs, onProblem },
      stop.signal,
      async (signal) => {
        assert.equal(at, undefined, `${holder} begins while ${at} is at it`);
        at = holder;
        turns.push(holder);
        while (!signal.aborted) await sleep(10);
        at = undefined;
      },
    );
    return { stop, ended };
  };
  return { sqlite, leases, turns, begin, now: () => at };
}

test("one works at a time, and the next one begins as soon as it has ended", async () => {
  const { sqlite, turns, begin, now } = await openWork();
  const both = ["a", "b"].map((holder) => begin(holder));
  await sleep(ttlMs * 2);
  assert.equal(turns.length, 1, "it goes on for longer than the lease, by renewing it");
  const first = both[turns[0] === "a" ? 0 : 1]!;
  first.stop.abort();
  await first.ended;
  await eventually("the other one is at it", () => now() !== undefined);
  assert.equal(new Set(turns).size, 2);
  for (const { stop } of both) stop.abort();
  await Promise.all(both.map(({ ended }) => ended));
  await sqlite.close();
});

test("who can't renew stops before anybody else may begin, and takes its turn again later", async () => {
  const { sqlite, leases, turns, begin, now } = await openWork();
  let isAway = false;
  const away = () => Promise.reject(new Problem("ledger-unavailable", "it is away"));
  const shaky: Leases = {
    acquire: (...args) => (isAway ? away() : leases.acquire(...args)),
    renew: (...args) => (isAway ? away() : leases.renew(...args)),
    release: (...args) => (isAway ? away() : leases.release(...args)),
  };
  const problems: Problem[] = [];
  const a = begin("a", shaky, (problem) => problems.push(problem));
  await eventually("a is at it", () => now() === "a");
  const b = begin("b");
  isAway = true;
  await eventually("b is at it", () => now() === "b");
  assert.deepEqual(turns, ["a", "b"]);
  assert.ok(problems.length > 0);
  isAway = false;
  b.stop.abort();
  await b.ended;
  await eventually("a is at it again", () => now() === "a");
  a.stop.abort();
  await a.ended;
  await sqlite.close();
});

test("the work's own failure is told to whoever waits for it, and the lease is free at once", async () => {
  const { sqlite, leases } = await openWork();
  const options = { leases, name: "work", holder: "a", ttlMs: 60_000, onProblem: assert.ifError };
  const failing = whileLeased(options, new AbortController().signal, () => Promise.reject(new Error("broken")));
  await assert.rejects(failing, /broken/);
  assert.ok((await leases.acquire("work", "b", 1000)) !== undefined);
  await sqlite.close();
});
