import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { makeCandidate } from "./jobs.ts";
import { admitOne, bring, type LedgerUnderTest } from "./ledger.ts";

/** What a ledger knows of a queue that keeps every copy of a job. */
export function publishedContract(name: string, open: () => Promise<LedgerUnderTest>): void {
  describe(`${name} beside a broker`, () => {
    test("gives to be published again what no queue has confirmed, and after a loss what was never started", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const [confirmed, begun, cutOff] = [
        await admitOne(ledger, { key: "confirmed.jpg" }),
        await admitOne(ledger, { key: "begun.jpg" }),
        await admitOne(ledger, { key: "cut-off.jpg" }),
      ].map(({ job }) => job.id);
      await ledger.published([confirmed!, begun!]);
      await ledger.append({ jobId: begun!, kind: "started", at: 1, attempt: 1 });
      const waiting = async () => (await ledger.unstarted(Number.MAX_SAFE_INTEGER, 10)).map(({ job }) => job.id);
      assert.deepEqual(await waiting(), [cutOff]);

      assert.deepEqual(await ledger.unpublish(), { unstarted: 1, begun: 1 });
      assert.deepEqual(await waiting(), [confirmed, cutOff]);
      await ledger.published([confirmed!]);
      assert.deepEqual(await ledger.unpublish(), { unstarted: 1, begun: 0 });
      const again = await ledger.admit([makeCandidate({ key: "confirmed.jpg" })]);
      assert.equal(again[0]!.fresh, false);
    });

    test("gives after a loss also what had begun, once nothing was heard of it and nobody is at it", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const failed = await bring(ledger, "failed.jpg", "failed");
      const [cutOff, abandoned, inWork] = ["cut-off.jpg", "abandoned.jpg", "in-work.jpg"].map((key) => ({ key }));
      const idOf = async (object: { readonly key: string }) => (await admitOne(ledger, object)).job.id;
      const ids = [await idOf(cutOff!), await idOf(abandoned!), await idOf(inWork!)];
      const started = (jobId: string) => ({ jobId, kind: "started" as const, at: 2, attempt: 1 });
      await ledger.append(started(ids[0]!));
      await ledger.start(started(ids[1]!), { holder: "a dead one", ttlMs: 0 });
      await ledger.start(started(ids[2]!), { holder: "a live one", ttlMs: 60_000 });
      await bring(ledger, "done.jpg", "done");
      await bring(ledger, "dead.jpg", "dead");
      const unheard = async (before: number) => (await ledger.unheard(before, 10)).map(({ job }) => job.id);
      assert.deepEqual(await unheard(10), [], "no queue was lost");

      assert.deepEqual(await ledger.unpublish(), { unstarted: 0, begun: 4 });
      assert.deepEqual(await unheard(2), [failed]);
      assert.deepEqual(await unheard(3), [failed, ids[0], ids[1]]);
      assert.equal((await ledger.unheard(3, 2)).length, 2);
      // Its copy was not lost after all.
      await ledger.append(started(failed));
      await ledger.append({ jobId: failed, kind: "failed", at: 2 });
      await ledger.published([ids[0]!]);
      assert.deepEqual(await unheard(3), [ids[1]]);
    });
  });
}
