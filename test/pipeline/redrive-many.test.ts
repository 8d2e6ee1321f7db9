import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Problem, type ProblemCode } from "../../src/errors.ts";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { createRedrive } from "../../src/pipeline/redrive.ts";
import { type DeadFilter, parseClass, parseCode, parseSince, redriveMany } from "../../src/pipeline/redrive-many.ts";
import { createMemoryQueue } from "../../src/queues/memory.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { makeCandidate } from "../contracts/jobs.ts";

async function setUp() {
  const sqlite = await openSqlite(":memory:");
  const ledger = await createSqliteLedger({ sqlite, installationKey: "0".repeat(64) });
  const queue = createMemoryQueue();
  const redrive = createRedrive({ ledger, queue, installationKey: "key" });
  const letters: readonly (readonly [key: string, route: string, code: ProblemCode, at: number])[] = [
    ["1.jpg", "a", "unreadable", 100],
    ["2.jpg", "a", "store-unavailable", 200],
    ["3.jpg", "a", "store-denied", 300],
    ["4.jpg", "b", "store-unavailable", 400],
  ];
  for (const [key, route, code, at] of letters) {
    const [admission] = await ledger.admit([makeCandidate({ key, route })]);
    const jobId = admission!.record.job.id;
    await ledger.append({ jobId, kind: "started", at });
    await ledger.append({ jobId, kind: "dead", at, code });
  }
  return {
    ...{ ledger, queue },
    redrive: (filter: DeadFilter, dryRun = false) => redriveMany({ ledger, redrive }, filter, { dryRun }),
    [Symbol.asyncDispose]: () => sqlite.close(),
  };
}

describe("many dead letters", () => {
  test("are chosen by route, code, class and time together", async () => {
    await using parts = await setUp();
    const cases: readonly (readonly [DeadFilter, number])[] = [
      [{}, 4],
      [{ route: "a" }, 3],
      [{ class: "store" }, 3],
      [{ class: "store", route: "a" }, 2],
      [{ code: "store-unavailable" }, 2],
      [{ since: 300 }, 2],
      [{ since: 301, class: "unreadable" }, 0],
    ];
    for (const [filter, matched] of cases) {
      const counted = await parts.redrive(filter, true);
      assert.deepEqual([counted.matched, counted.sent], [matched, 0], JSON.stringify(filter));
    }
    assert.equal((await parts.ledger.counts()).dead, 4, "a dry run sends nothing");
    const { sent, codes } = await parts.redrive({ class: "store", route: "a" });
    assert.deepEqual([sent, codes], [2, { "store-unavailable": 1, "store-denied": 1 }]);
    assert.deepEqual([(await parts.ledger.counts()).dead, await parts.queue.depth!("bulk")], [2, 2]);
  });

  test("are all sent, page after page, though one is taken by somebody else meanwhile", async () => {
    await using parts = await setUp();
    const candidates = Array.from({ length: 700 }, (_, index) => makeCandidate({ key: `${index}.png` }));
    for (const { record } of await parts.ledger.admit(candidates)) {
      await parts.ledger.append({ jobId: record.job.id, kind: "started", at: 1 });
      await parts.ledger.append({ jobId: record.job.id, kind: "dead", at: 1, code: "timeout" });
    }
    const real = createRedrive({ ...parts, installationKey: "key" });
    let calls = 0;
    const racing = async (id: string) => {
      calls += 1;
      if (calls === 5) await real(id);
      return real(id);
    };
    const outcome = await redriveMany(
      { ledger: parts.ledger, redrive: racing },
      { class: "timeout" },
      { dryRun: false },
    );
    assert.deepEqual(
      [outcome.matched, outcome.sent, outcome.problems.map(({ code }) => code)],
      [700, 699, ["not-ready"]],
    );
  });
});

test("what chooses them is read strictly", () => {
  const now = Date.parse("2026-11-25T12:00:00Z");
  assert.equal(parseSince("90m", now), now - 90 * 60_000);
  assert.equal(parseSince("3d", now), now - 3 * 86_400_000);
  assert.equal(parseSince("2026-11-24T00:00:00Z", now), Date.parse("2026-11-24T00:00:00Z"));
  for (const text of ["", "soon", "5", "2 h", "-1h", "2026-13-01"])
    assert.throws(() => parseSince(text, now), Problem, text);
  assert.equal(parseCode("timeout"), "timeout");
  for (const text of ["Timeout", "toString", ""]) assert.throws(() => parseCode(text), Problem, text);
  assert.equal(parseClass("store"), "store");
  assert.throws(() => parseClass("stores"), Problem);
});
