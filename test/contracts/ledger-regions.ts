import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type KeptRegions, regionsDigest } from "../../src/core/kept-regions.ts";
import type { Region } from "../../src/core/region.ts";
import { valueAt } from "../../src/ledger/canonical.ts";
import { erase } from "../../src/ledger/erase.ts";
import { foundRecords } from "../../src/ledger/export.ts";
import { createTombstones } from "../../src/ledger/tombstone.ts";
import { verifyLedger } from "../../src/ledger/verify.ts";
import { makeCandidate } from "./jobs.ts";
import { admitOne, bring } from "./ledger.ts";
import { type SealsUnderTest, sealerOf } from "./ledger-seals.ts";

const face = (x: number, rest: Partial<Region> = {}): Region => ({
  kind: "face",
  box: { x, y: 2.125, width: 10.000000001, height: 12 },
  score: 0.7300000190734863,
  ...rest,
});

const found: KeptRegions = {
  first: [face(-3.5, { keypoints: [{ x: 1.25, y: 2 }], frame: 0 })],
  second: [face(40), face(80)],
};
const drawn: KeptRegions = { first: [face(7, { score: 1 })], second: [] };

/** What every ledger promises about regions that a person is to judge, and about what that person decides. */
export function ledgerRegionsContract(name: string, open: () => Promise<SealsUnderTest>): void {
  async function hold(ledger: SealsUnderTest["ledger"], key: string): Promise<string> {
    const { id } = (await admitOne(ledger, { key })).job;
    await ledger.append({ jobId: id, kind: "started", at: 1 });
    const event = { jobId: id, kind: "held" as const, at: 2, regionsDigest: regionsDigest(found) };
    assert.equal(await ledger.append(event, found), true);
    return id;
  }

  const successorOf = (key: string, regions: KeptRegions) =>
    makeCandidate({ key, revision: 1, regionsDigest: regionsDigest(regions) }, { regions });

  describe(`${name} as a ledger of regions`, () => {
    test("keeps what was found with the event, both looks apart, to the last bit, and once", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const id = await hold(ledger, "a.jpg");
      const kept = await ledger.regions(id);
      assert.deepEqual(kept, found);
      assert.equal(regionsDigest(kept!), (await ledger.get(id))?.last.regionsDigest);
      // A late duplicate changes nothing.
      assert.equal(await ledger.append({ jobId: id, kind: "held", at: 3 }, drawn), false);
      assert.deepEqual(await ledger.regions(id), found);
    });

    test("keeps no regions of an event that was not written, and has none of most jobs", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const id = await bring(ledger, "a.jpg", "done");
      assert.equal(await ledger.append({ jobId: id, kind: "held", at: 3 }, found), false);
      assert.equal(await ledger.append({ jobId: "nothing", kind: "held", at: 3 }, found), false);
      for (const one of [id, "nothing"]) assert.equal(await ledger.regions(one), undefined);
    });

    test("an approval is one step: the held job is approved, and its successor is there with the decided regions", async () => {
      await using opened = await open();
      const { ledger } = opened;
      const id = await hold(ledger, "a.jpg");
      const successor = successorOf("a.jpg", drawn);
      const both = await Promise.all([5, 6].map((at) => ledger.redrive(id, successor, at, "approved")));
      assert.equal(both.filter(Boolean).length, 1);
      const record = both.find((one) => one !== undefined)!;
      assert.deepEqual(record.job, { ...successor.job, generation: 1 });
      assert.equal(record.job.regionsDigest, regionsDigest(drawn));
      assert.deepEqual(await ledger.get(record.job.id), record);
      assert.deepEqual(await ledger.regions(record.job.id), drawn);
      assert.deepEqual(await ledger.regions(id), found, "what was found stays beside what was decided");
      const old = (await ledger.get(id))!;
      assert.deepEqual([old.state, old.last.successor], ["approved", record.job.id]);
      assert.equal(old.last.regionsDigest, regionsDigest(drawn));
      assert.deepEqual(await ledger.unseen("folder", [{ key: "a.jpg", version: "1" }]), []);
    });

    test("approves only what is held, and what is rejected never comes back", async () => {
      await using opened = await open();
      const { ledger } = opened;
      for (const state of ["dead", "done", "rejected", "approved", "redriven", "admitted"] as const) {
        const id = await bring(ledger, `${state}.jpg`, state);
        const successor = successorOf(`${state}.jpg`, drawn);
        assert.equal(await ledger.redrive(id, successor, 5, "approved"), undefined, state);
        assert.equal((await ledger.get(id))?.state, state);
        assert.equal(await ledger.regions(successor.job.id), undefined);
      }
      const object = { key: "rejected.jpg", version: "1" };
      assert.deepEqual(await ledger.unseen("folder", [object]), []);
      const [admission] = await ledger.admit([makeCandidate(object)]);
      assert.deepEqual([admission?.fresh, admission?.again, admission?.record.state], [false, false, "rejected"]);
      assert.equal((await ledger.find({ states: ["rejected"], limit: 9 })).records.length, 1);
    });

    test("knows what was decided on objects of a name: approved with regions, or rejected", async () => {
      await using opened = await open();
      const { ledger } = opened;
      assert.deepEqual(await ledger.decisions("folder", "a.jpg"), []);
      const id = await hold(ledger, "a.jpg");
      assert.deepEqual(await ledger.decisions("folder", "a.jpg"), [], "what was found is no decision");
      const approved = (await ledger.redrive(id, successorOf("a.jpg", drawn), 5, "approved"))!.job.id;
      const later = await hold(ledger, "b.jpg");
      await ledger.append({ jobId: later, kind: "rejected", at: 6 });
      const idsOf = async (key: string) => (await ledger.decisions("folder", key)).map(({ job }) => job.id);
      assert.deepEqual([await idsOf("a.jpg"), await idsOf("b.jpg")], [[approved], [later]]);
      assert.deepEqual(await ledger.decisions("another", "a.jpg"), []);
    });

    test("keeps the regions of what is admitted again, and of a batch each one's own", async () => {
      await using opened = await open();
      const { ledger } = opened;
      for (const key of ["a.jpg", "b.jpg", "c.jpg"]) await bring(ledger, key, "done");
      const candidates = [
        successorOf("a.jpg", drawn),
        makeCandidate({ key: "b.jpg", revision: 1 }),
        successorOf("c.jpg", found),
      ];
      const admissions = await ledger.admit(candidates.map((one) => ({ ...one, rerun: 1 })));
      const ids = admissions.map(({ record }) => record.job.id);
      assert.deepEqual(await Promise.all(ids.map(ledger.regions)), [drawn, undefined, found]);
    });

    test("seals the digest, erases regions and digest with a job's names, and everything still proves itself", async () => {
      await using opened = await open();
      const { ledger, seals } = opened;
      const id = await hold(ledger, "anna/1.jpg");
      const approved = (await ledger.redrive(id, successorOf("anna/1.jpg", drawn), 5, "approved"))!.job.id;
      const waiting = await hold(ledger, "anna/2.jpg");
      const other = await hold(ledger, "ben.jpg");
      await ledger.append({ jobId: other, kind: "rejected", at: 6, message: "not to be shown" });
      const sealer = sealerOf(seals);
      await sealer.sealAll();
      const texts = async () => JSON.stringify(await Array.fromAsync(foundRecords(seals, {})));
      const before = await texts();
      for (const regions of [found, drawn]) assert.ok(before.includes(regionsDigest(regions)));
      const [record] = (await Array.fromAsync(foundRecords(seals, {}))).filter(({ body }) => body?.kind === "approved");
      assert.equal(valueAt(record!.body!, "detail.regionsDigest"), regionsDigest(drawn));

      for (const kind of ["started", "done"] as const) await ledger.append({ jobId: approved, kind, at: 7 });
      const stamp = { who: "command:anna" };
      const bury = createTombstones("test");
      assert.equal((await erase({ seals, sealer, scope: { path: "anna/*" }, bury, stamp })).jobs, 2);
      for (const gone of [id, approved]) assert.equal(await ledger.regions(gone), undefined);
      assert.ok(!(await texts()).includes(regionsDigest(drawn)));
      assert.equal((await ledger.get(approved))?.job.regionsDigest, undefined);
      assert.deepEqual(await ledger.regions(waiting), found, "what waits for a person stays");
      assert.deepEqual(await ledger.regions(other), found);
      assert.equal((await erase({ seals, sealer, scope: { path: "ben.jpg" }, bury, stamp })).jobs, 1);
      assert.equal(await ledger.regions(other), undefined);
      assert.deepEqual((await verifyLedger({ seals })).faults, []);
    });
  });
}
