import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Ledger, LedgerEvent } from "../../src/ledger/ledger.ts";
import { makeCandidate } from "./jobs.ts";

/** What every ledger's figures by route must be. */
export function testLedgerStats(open: () => Promise<{ readonly ledger: Ledger } & AsyncDisposable>): void {
  describe("figures by route", () => {
    test("an empty ledger has none", async () => {
      await using opened = await open();
      assert.deepEqual(await opened.ledger.stats(0), []);
    });

    test("count states, codes, retries, what ended lately, and know the oldest that waits", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const admit = async (key: string, route: string) => {
        const [admission] = await ledger.admit([makeCandidate({ key, route })]);
        return admission!.record;
      };
      const tell = async (jobId: string, ...events: readonly Partial<LedgerEvent>[]) => {
        for (const event of events) assert.ok(await ledger.append({ jobId, kind: "started", at: 10, ...event }));
      };
      const oldest = await admit("retried.jpg", "a");
      await tell(oldest.job.id, {}, { kind: "failed", code: "timeout" }, {}, { kind: "failed", code: "timeout" }, {});
      await tell(oldest.job.id, { kind: "failed", code: "store-unavailable" });
      for (const [key, at] of [
        ["old.jpg", 50],
        ["new.jpg", 150],
        ["newer.jpg", 190],
      ] as const)
        await tell((await admit(key, "a")).job.id, {}, { kind: "done", at });
      for (const code of ["unreadable", "unreadable", "unsupported"] as const)
        await tell((await admit(`${code}-${Math.random()}.jpg`, "a")).job.id, {}, { kind: "dead", code, at: 160 });
      await tell((await admit("held.jpg", "a")).job.id, {}, { kind: "held", code: "doubtful", at: 20 });
      await admit("waiting.jpg", "a");
      await tell((await admit("b.jpg", "b")).job.id, {}, { kind: "skipped", recognised: "text", at: 100 });

      const [a, b, ...more] = await ledger.stats(100);
      assert.deepEqual(more, []);
      assert.deepEqual([a!.route, b!.route], ["a", "b"]);
      const some = Object.entries(a!.states).filter(([, jobs]) => jobs > 0);
      assert.deepEqual(Object.fromEntries(some), { admitted: 1, failed: 1, done: 3, dead: 3, held: 1 });
      const troubles = a!.troubles.map(({ state, code, jobs }) => `${jobs} ${state} ${code}`).sort();
      assert.deepEqual(troubles, [
        "1 dead unsupported",
        "1 failed store-unavailable",
        "1 held doubtful",
        "2 dead unreadable",
      ]);
      assert.equal(a!.oldestWaitingAt, oldest.admittedAt);
      assert.equal(a!.retries, 2);
      assert.deepEqual(a!.recent, { ended: { done: 2, dead: 3 }, firstAt: 150 });
      assert.deepEqual(
        [b!.oldestWaitingAt, b!.retries, b!.recent],
        [undefined, 0, { ended: { skipped: 1 }, firstAt: 100 }],
      );
    });

    test("events of a stretch of time are counted by what is said of them", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const detector = { name: "yunet", digest: "d".repeat(64) };
      for (const [key, at, regions] of [
        ["early.jpg", 99, 5],
        ["one.jpg", 100, 2],
        ["two.jpg", 199, 3],
        ["none.jpg", 150, 0],
        ["late.jpg", 200, 7],
        ["x/veil-selftest-1.jpg", 150, 1],
      ] as const) {
        const [admission] = await ledger.admit([makeCandidate({ key, route: "a" })]);
        const { id: jobId } = admission!.record.job;
        await ledger.append({ jobId, kind: "started", at: at - 1 });
        await ledger.append({ jobId, kind: "done", at, regions, detector });
      }
      const [dead] = await ledger.admit([makeCandidate({ key: "dead.jpg", route: "b" })]);
      await ledger.append({ jobId: dead!.record.job.id, kind: "started", at: 120 });
      await ledger.append({ jobId: dead!.record.job.id, kind: "dead", at: 121, code: "unreadable" });

      const tally = await ledger.tally(100, 200);
      assert.deepEqual(
        tally.filter(({ kind }) => kind === "done" || kind === "dead"),
        [
          { route: "a", kind: "done", detector, faceless: false, cached: false, again: false, events: 2, regions: 5 },
          { route: "a", kind: "done", detector, faceless: true, cached: false, again: false, events: 1, regions: 0 },
          {
            route: "b",
            kind: "dead",
            code: "unreadable",
            faceless: false,
            cached: false,
            again: false,
            events: 1,
            regions: 0,
          },
        ],
      );
      assert.deepEqual(await ledger.tally(1000, 2000), []);
    });

    test("a version that is masked again is no other picture, and self-tests that are open can be told", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const tell = (jobId: string, ...events: readonly Partial<LedgerEvent>[]) =>
        Promise.all(
          events.map(async (event) => assert.ok(await ledger.append({ jobId, kind: "held", at: 1, ...event }))),
        );
      const [first] = await ledger.admit([makeCandidate()]);
      const { id } = first!.record.job;
      await tell(id, { kind: "started" });
      await tell(id, { kind: "held", code: "doubtful" });
      const approved = makeCandidate({ revision: 1 });
      await ledger.redrive(id, approved, Date.now(), "approved");
      await tell(approved.job.id, { kind: "started" });
      await tell(approved.job.id, { kind: "done", at: 2, regions: 2 });
      const again = makeCandidate({ revision: 2 });
      const [rerun] = await ledger.admit([{ ...again, rerun: first!.record.job.generation }]);
      assert.ok(rerun);
      await tell(again.job.id, { kind: "started" });
      await tell(again.job.id, { kind: "done", at: 3, regions: 3 });
      const [other] = await ledger.admit([makeCandidate({ version: "2" })]);
      await tell(other!.record.job.id, { kind: "started" });
      await tell(other!.record.job.id, { kind: "done", at: 4, regions: 1 });
      for (const key of ["veil-selftest-1.jpg", "in/veil-selftest-2.jpg", "real.jpg"]) {
        const [held] = await ledger.admit([makeCandidate({ key })]);
        await tell(held!.record.job.id, { kind: "started" });
        await tell(held!.record.job.id, { kind: "held", code: "doubtful" });
      }
      await ledger.admit([makeCandidate({ key: "veil-selftest-3.jpg", route: "b" })]);

      const tally = await ledger.tally(0, Date.now() + 1000);
      const events = (kind: string, isAgain: boolean) =>
        tally.reduce((total, row) => total + (row.kind === kind && row.again === isAgain ? row.events : 0), 0);
      assert.deepEqual([events("admitted", false), events("admitted", true)], [3, 2]);
      assert.deepEqual([events("done", false), events("done", true)], [2, 1]);
      const regions = tally.flatMap((row) => (row.kind === "done" && !row.again ? [row.regions] : []));
      assert.deepEqual(regions, [4], "of the last result of each version");
      assert.equal(
        (await ledger.tally(2, 3)).some(({ again }) => again),
        false,
        "alone in its stretch",
      );
      const waiting = (await ledger.openSelfTests()).map(({ route, state, jobs }) => `${jobs} ${state} on ${route}`);
      assert.deepEqual(waiting.sort(), ["1 admitted on b", "2 held on folder"]);
    });

    test("what is sent back is waited for, and is no dead letter any more", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const [admission] = await ledger.admit([makeCandidate()]);
      const { id } = admission!.record.job;
      await ledger.append({ jobId: id, kind: "started", at: 1 });
      await ledger.append({ jobId: id, kind: "dead", at: 2, code: "timeout" });
      await ledger.redrive(id, makeCandidate({ revision: 1 }), 3);
      const [stats] = await ledger.stats(0);
      assert.deepEqual([stats!.troubles, stats!.states.admitted, stats!.oldestWaitingAt], [[], 1, 3]);
    });
  });
}
