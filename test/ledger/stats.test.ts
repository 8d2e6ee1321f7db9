import assert from "node:assert/strict";
import { test } from "node:test";
import type { Problem } from "../../src/errors.ts";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { progressOf } from "../../src/pipeline/progress.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { testLedgerStats } from "../contracts/ledger-stats.ts";

testLedgerStats(async () => {
  const sqlite = await openSqlite(":memory:");
  return {
    ledger: await createSqliteLedger({ sqlite, installationKey: "0".repeat(64) }),
    [Symbol.asyncDispose]: () => sqlite.close(),
  };
});

test("progress is the pace of what ended lately, and how long the rest takes at it", () => {
  const none = {
    started: 0,
    failed: 0,
    skipped: 0,
    held: 0,
    dead: 0,
    superseded: 0,
    redriven: 0,
    approved: 0,
    rejected: 0,
    copied: 0,
    removed: 0,
    expired: 0,
  };
  const stats = { route: "folder", states: { ...none, admitted: 90, done: 40, dead: 5 }, retries: 1 };
  const troubles = [
    { state: "dead", code: "too-large", jobs: 1 },
    { state: "dead", code: "unreadable", jobs: 3 },
    { state: "dead", code: "too-many-pixels", jobs: 1 },
    { state: "dead", code: "of-the-future" as Problem["code"], jobs: 1 },
  ] as const;
  const moving = progressOf({ ...stats, troubles, recent: { ended: { done: 25, dead: 5 }, firstAt: 40_000 } }, 100_000);
  assert.deepEqual([moving.left, moving.perMinute, moving.secondsLeft], [90, 30, 180]);
  assert.deepEqual(Object.entries(moving.classes.dead), [
    ["unreadable", 3],
    ["too-large", 2],
    ["internal", 1],
  ]);
  const one = new Date(2026, 10, 25, 5, 59).getTime();
  const atNight = { ...stats, troubles, recent: { ended: { done: 30 }, firstAt: one - 60_000 } };
  const night = { from: 22 * 60, to: 6 * 60 };
  // One of the three minutes that it takes is left of this night.
  assert.equal(progressOf(atNight, one, night).secondsLeft, 180 + 16 * 3600);
  assert.equal(progressOf(atNight, one).secondsLeft, 180);
  const still = progressOf({ ...stats, troubles: [], recent: { ended: {} } }, 100_000);
  assert.deepEqual([still.perMinute, still.secondsLeft], [0, undefined]);
});
