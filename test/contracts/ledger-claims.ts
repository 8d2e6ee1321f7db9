import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { LedgerEvent } from "../../src/ledger/ledger.ts";
import { admitOne, bring, type LedgerUnderTest } from "./ledger.ts";

const start = (jobId: string, at = 1): LedgerEvent => ({ jobId, kind: "started", at, attempt: 1 });
const [here, there] = ["here", "there"].map((holder) => ({ holder, ttlMs: 60_000 })) as [Claim, Claim];
type Claim = { readonly holder: string; readonly ttlMs: number };

/** What every ledger promises to workers on several hosts. */
export function ledgerClaimsContract(name: string, open: () => Promise<LedgerUnderTest>): void {
  describe(`${name} as a ledger of claims`, () => {
    test("lets one of many start a job, and tells the others how long it is claimed", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const { id } = (await admitOne(ledger)).job;
      const claims = ["a", "b", "c", "d"].map((holder) => ledger.start(start(id), { holder, ttlMs: 60_000 }));
      const fences = await Promise.all(claims);
      assert.equal(fences.filter((fence) => fence !== undefined).length, 1);
      assert.equal((await ledger.history(id)).length, 2);
      assert.equal((await ledger.get(id))?.attempts, 1);
      const winner = ["a", "b", "c", "d"][fences.findIndex((fence) => fence !== undefined)]!;
      assert.equal(await ledger.claimedMs(id, winner), 0);
      const ms = await ledger.claimedMs(id, "another");
      assert.ok(ms > 50_000 && ms <= 60_000, `${ms}`);
      assert.equal(await ledger.claimedMs("nothing", "another"), 0);
      assert.equal(await ledger.start(start("nothing"), here), undefined);
      assert.equal(await ledger.start(start(await bring(ledger, "done.jpg", "done")), here), undefined);
    });

    test("a job that was taken over is nobody else's: no delivery, no end, no further word", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const { job } = await admitOne(ledger);
      const { id } = job;
      const first = await ledger.start(start(id), { holder: "here", ttlMs: 150 });
      assert.equal(await ledger.isCurrent(job, first), true);
      await sleep(200);
      assert.equal(await ledger.isCurrent(job, first), false, "it has run out, and may be taken over at any moment");
      assert.equal(await ledger.claimedMs(id, "there"), 0);
      const second = await ledger.start(start(id, 2), there);
      assert.ok(second! > first!);
      assert.equal(await ledger.isCurrent(job), true);
      assert.deepEqual([await ledger.isCurrent(job, first), await ledger.isCurrent(job, second)], [false, true]);
      const before = await ledger.history(id);
      for (const kind of ["done", "failed", "dead", "held"] as const)
        assert.equal(await ledger.append({ jobId: id, kind, at: 3 }, undefined, first), false, kind);
      assert.deepEqual(await ledger.history(id), before);
      assert.equal(await ledger.append({ jobId: id, kind: "done", at: 4 }, undefined, second), true);
      assert.equal(await ledger.append({ jobId: id, kind: "done", at: 5 }, undefined, first), false);
      assert.equal(await ledger.isCurrent(job, second), false, "nothing is delivered behind the end");
    });

    test("a claim lasts for as long as it is renewed, and whoever lost one is told", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const jobs = [(await admitOne(ledger, { key: "a.jpg" })).job, (await admitOne(ledger, { key: "b.jpg" })).job];
      const [a, b] = jobs.map(({ id }) => id) as [string, string];
      const brief = { holder: "here", ttlMs: 300 };
      const [fenceA, fenceB] = [(await ledger.start(start(a), brief))!, (await ledger.start(start(b), brief))!];
      await sleep(150);
      const mine = [
        { jobId: a, fence: fenceA },
        { jobId: b, fence: fenceB },
      ];
      assert.deepEqual(await ledger.renew(mine.slice(0, 1), 60_000), []);
      await sleep(300);
      assert.equal(await ledger.start(start(a, 2), there), undefined);
      assert.ok((await ledger.start(start(b, 2), there)) !== undefined);
      assert.deepEqual(await ledger.renew(mine, 60_000), [b]);
      assert.equal(await ledger.isCurrent(jobs[0]!, fenceA), true);
      assert.equal(await ledger.isCurrent(jobs[1]!, fenceB), false);
      assert.deepEqual(await ledger.renew([], 60_000), []);
    });

    test("a process that comes back starts its own jobs again at once, and what has failed anybody may start", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const { id } = (await admitOne(ledger)).job;
      const first = await ledger.start(start(id), here);
      const second = await ledger.start(start(id, 2), here);
      assert.ok(second! > first!);
      assert.equal(await ledger.append({ jobId: id, kind: "failed", at: 3 }, undefined, first), false);
      assert.equal(await ledger.append({ jobId: id, kind: "failed", at: 3 }, undefined, second), true);
      assert.equal(await ledger.claimedMs(id, "there"), 0);
      assert.ok((await ledger.start(start(id, 4), there)) !== undefined);
      assert.equal((await ledger.get(id))?.attempts, 3);
    });

    test("a newer version ends an older one's delivery, though its claim is alive", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const { job } = await admitOne(ledger, { version: "1" });
      const fence = await ledger.start(start(job.id), here);
      await admitOne(ledger, { version: "2" });
      assert.equal(await ledger.isCurrent(job, fence), false);
    });
  });
}
