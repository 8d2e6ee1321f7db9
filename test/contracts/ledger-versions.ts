import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { makeCandidate } from "./jobs.ts";
import { admitOne, bring, type LedgerUnderTest } from "./ledger.ts";

/** What every ledger promises about the versions of one object. */
export function ledgerVersionsContract(name: string, open: () => Promise<LedgerUnderTest>): void {
  describe(`${name} as a ledger of versions`, () => {
    test("a successor does not overtake a newer version that was admitted meanwhile", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const id = await bring(ledger, "a.jpg", "dead");
      const newer = await admitOne(ledger, { key: "a.jpg", version: "2" });
      const successor = await ledger.redrive(id, makeCandidate({ key: "a.jpg", revision: 1 }), 1);
      assert.equal(await ledger.isCurrent(newer.job), true);
      assert.equal(await ledger.isCurrent(successor!.job), false);
    });

    test("an object that was gone or changed, and is there again, counts as never seen", async () => {
      await using opened = await open();
      const { ledger } = opened;
      await bring(ledger, "a.jpg", "superseded");
      const object = { key: "a.jpg", version: "1" };
      assert.deepEqual(await ledger.unseen("folder", [object]), [object]);
      const [known] = await ledger.admit([makeCandidate(object)]);
      assert.deepEqual([known?.fresh, known?.again], [false, true]);
      const [admission] = await ledger.admit([makeCandidate({ ...object, revision: 1 })]);
      assert.deepEqual([admission?.fresh, admission?.record.job.revision], [true, 1]);
      assert.deepEqual(await ledger.unseen("folder", [object]), []);
    });

    test("an object that is there again after its output went with it counts as never seen, one whose output's time was over does not", async () => {
      await using opened = await open();
      const { ledger } = opened;
      await bring(ledger, "a.jpg", "removed");
      await bring(ledger, "b.jpg", "expired");
      const objects = ["a.jpg", "b.jpg"].map((key) => ({ key, version: "1" }));
      assert.deepEqual(await ledger.unseen("folder", objects), objects.slice(0, 1));
      const [known] = await ledger.admit([makeCandidate(objects[0])]);
      assert.deepEqual([known?.fresh, known?.again], [false, true]);
    });

    test("an older version that is put back counts as never seen", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const [old, newer] = [
        { key: "a.jpg", version: "1" },
        { key: "a.jpg", version: "2" },
      ];
      await bring(ledger, "a.jpg", "done");
      await admitOne(ledger, newer);
      assert.deepEqual(await ledger.unseen("folder", [old, newer]), [old]);
      const [known] = await ledger.admit([makeCandidate(old)]);
      assert.equal(known?.again, true);
    });

    test("a known version is admitted again where that is asked for", async () => {
      await using opened = await open();
      const { ledger } = opened;
      await bring(ledger, "a.jpg", "done");
      const [refused] = await ledger.admit([makeCandidate({ key: "a.jpg", revision: 1 })]);
      assert.equal(refused?.fresh, false);
      const [admission] = await ledger.admit([makeCandidate({ key: "a.jpg", revision: 1 }, { rerun: 1 })]);
      assert.deepEqual([admission?.fresh, admission?.record.job.generation], [true, 2]);
    });

    test("what is asked for again does not overtake a newer version that has come meanwhile", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const old = await bring(ledger, "a.jpg", "done");
      const newer = await admitOne(ledger, { key: "a.jpg", version: "2" });
      const again = makeCandidate({ key: "a.jpg", revision: 1 }, { rerun: 1 });
      const [refused] = await ledger.admit([again]);
      assert.deepEqual([refused?.fresh, refused?.record.job.id], [false, old]);
      assert.equal(await ledger.isCurrent(newer.job), true);
    });
  });
}
