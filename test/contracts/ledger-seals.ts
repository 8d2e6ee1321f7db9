import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { defaultPolicy } from "../../src/core/policy.ts";
import type { Problem } from "../../src/errors.ts";
import { valueAt } from "../../src/ledger/canonical.ts";
import { countErasable, erase } from "../../src/ledger/erase.ts";
import { foundRecords } from "../../src/ledger/export.ts";
import { createSigner } from "../../src/ledger/head.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { checkProof, proveRecord } from "../../src/ledger/proof.ts";
import { createSealer, type Sealer } from "../../src/ledger/sealer.ts";
import type { ErasureScope, FoundRecord, RecordQuery, Seals } from "../../src/ledger/seals.ts";
import { createTombstones } from "../../src/ledger/tombstone.ts";
import { verifyLedger } from "../../src/ledger/verify.ts";
import { makeCandidate } from "./jobs.ts";
import { admitOne, bring, type LedgerUnderTest } from "./ledger.ts";

export interface SealsUnderTest extends LedgerUnderTest {
  /** Over the ledger, whose installation key is `test`. */
  readonly seals: Seals;
}

export const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

export const testSigner = createSigner(generateKeyPairSync("ed25519").privateKey);

/** A sealer that fails a test that did not expect its problem. */
export function sealerOf(seals: Seals, told: (problem: Problem) => void = assert.ifError): Sealer {
  return createSealer({ seals, signer: testSigner, onProblem: told });
}

/** A job that is done, with all that the ledger can say of one. */
export async function maskOne(ledger: Ledger, key: string): Promise<string> {
  const { id } = (await admitOne(ledger, { key }, { requestDigest: sha256(`request ${key}`) })).job;
  await ledger.append({ jobId: id, kind: "started", at: 1000, attempt: 1 });
  const output = { version: "1-1", size: 3, sha256: sha256(`masked ${key}`), contentType: "image/jpeg" };
  const input = { size: 4, sha256: sha256(`original ${key}`) };
  const detector = { name: "d", digest: "x" };
  await ledger.append({ jobId: id, kind: "done", at: 2000, input, output, regions: 2, detector });
  return id;
}

export async function noteOne(ledger: Ledger, at: number): Promise<void> {
  const input = { size: 4, sha256: sha256(`note ${at}`) };
  await ledger.note({ at, outcome: "masked", input, policy: defaultPolicy, regions: 1, regionsFrom: "request" });
}

const bury = createTombstones("test");

export function eraseIn(seals: Seals, scope: ErasureScope) {
  const sealer = sealerOf(seals);
  return erase({ seals, sealer, scope, bury, stamp: { veil: "1.2.3", who: "command:anna" } });
}

async function found(seals: Seals, query: RecordQuery = {}): Promise<FoundRecord[]> {
  return Array.fromAsync(foundRecords(seals, query));
}

async function assertSound(seals: Seals): Promise<void> {
  assert.deepEqual((await verifyLedger({ seals })).faults, []);
}

/** What every chain over a ledger promises. */
export function sealsContract(name: string, open: () => Promise<SealsUnderTest>): void {
  describe(`${name} as a chain`, () => {
    test("seals what is committed, once, each kind in its order, and says what is not sealed yet", async () => {
      await using opened = await open();
      const { ledger, seals } = opened;
      const id = await maskOne(ledger, "a.jpg");
      await noteOne(ledger, 5);
      assert.equal(await seals.countUnsealed(), 4);
      assert.equal((await verifyLedger({ seals })).unsealed, 4);
      assert.equal(await sealerOf(seals).sealAll(), 4);
      assert.equal(await sealerOf(seals).sealAll(), 0);
      assert.equal(await seals.countUnsealed(), 0);
      const records = await found(seals);
      assert.deepEqual(
        records.map(({ position, kind, body }) => [position, kind, body?.kind ?? body?.outcome]),
        [
          [0, "event", "admitted"],
          [1, "event", "started"],
          [2, "event", "done"],
          [3, "note", "masked"],
        ],
      );
      assert.equal(valueAt(records[2]!.body!, "job.id"), id);
      await ledger.append({ jobId: (await admitOne(ledger, { key: "b.jpg" })).job.id, kind: "started", at: 3 });
      assert.equal(await sealerOf(seals).sealAll(), 2);
      const report = await verifyLedger({ seals });
      assert.deepEqual([report.faults, report.records, report.heads, report.unsealed], [[], 6, 2, 0]);
    });

    test("makes one chain of what several sealers and writers do at once", async () => {
      await using opened = await open();
      const { ledger, seals } = opened;
      const writing = Array.from({ length: 40 }, (_, index) => maskOne(ledger, `${index}.jpg`));
      const sealing = [1, 2, 3].map(async () => {
        for (let round = 0; round < 5; round += 1) await sealerOf(seals).sealAll();
      });
      // Whoever looks meanwhile finds nothing wrong.
      const looking = [1, 2, 3, 4].map(() => assertSound(seals));
      await Promise.all([...writing, ...sealing, ...looking]);
      await sealerOf(seals).sealAll();
      const report = await verifyLedger({ seals });
      assert.deepEqual([report.faults, report.records, report.unsealed], [[], 120, 0]);
    });

    test("lets one sealer have its turn until that is given back or has run out", async () => {
      await using opened = await open();
      const { ledger, seals } = opened;
      const stopped = AbortSignal.abort();
      const running = new AbortController();
      const first = sealerOf(seals);
      await maskOne(ledger, "a.jpg");
      const runs = first.run(running.signal);
      while ((await seals.state()).size < 3) await new Promise((resolve) => setImmediate(resolve));
      running.abort();
      await runs;
      await noteOne(ledger, 1);
      const second = sealerOf(seals);
      await second.run(stopped);
      await second.close();
      assert.equal(await seals.countUnsealed(), 1, "the first one has the turn");
      await first.close();
      assert.equal(await seals.countUnsealed(), 0, "closing seals what is left");
      await noteOne(ledger, 2);
      await second.close();
      assert.equal(await seals.countUnsealed(), 0, "the turn was given back");
      await assertSound(seals);
    });

    test("finds records by path, pattern, digest, time and outcome", async () => {
      await using opened = await open();
      const { ledger, seals } = opened;
      for (const key of ["2026/a.jpg", "2026/b.jpg", "c.jpg"]) await maskOne(ledger, key);
      await bring(ledger, "dead.jpg", "dead");
      await noteOne(ledger, 7000);
      await sealerOf(seals).sealAll();
      const positions = async (query: RecordQuery) => (await found(seals, query)).map(({ position }) => position);
      assert.deepEqual(await positions({ path: "2026/b.jpg" }), [3, 4, 5]);
      assert.deepEqual(await positions({ path: "2026/*", outcomes: ["done"] }), [2, 5]);
      assert.deepEqual(await positions({ digest: sha256("masked c.jpg") }), [8]);
      assert.deepEqual(await positions({ digest: sha256("original c.jpg") }), [8]);
      assert.deepEqual(await positions({ digest: sha256("note 7000") }), [12]);
      assert.deepEqual(await positions({ outcomes: ["dead", "masked"] }), [11, 12]);
      assert.deepEqual(await positions({ since: 2000, until: 7001, outcomes: ["done", "masked"] }), [2, 5, 8, 12]);
      assert.deepEqual(await positions({ path: "nothing" }), []);
      assert.equal((await found(seals)).length, 13);
    });

    test("proves every record to somebody who has nothing but the proof, and no other value in it", async () => {
      await using opened = await open();
      const { ledger, seals } = opened;
      await maskOne(ledger, "a.jpg");
      await sealerOf(seals).sealAll();
      const { head: since } = await seals.state();
      for (let index = 0; index < 100; index += 1) await maskOne(ledger, `${index}.jpg`);
      await noteOne(ledger, 5);
      await sealerOf(seals).sealAll();
      for (const row of (await found(seals)).filter(({ position }) => position < 4 || position > 250)) {
        const proof = JSON.parse(JSON.stringify(await proveRecord(seals, row, since)));
        const checked = checkProof(proof, testSigner.publicKey);
        assert.ok(checked.holds, JSON.stringify(checked));
        assert.deepEqual(checked.record, { v: 1, type: row.kind, ...row.body });
        assert.equal(checked.since?.size, 3);
        const stranger = createSigner(generateKeyPairSync("ed25519").privateKey);
        const forged = [
          { ...proof, record: { ...proof.record, at: 1 } },
          { ...proof, position: proof.position + 1 },
          { ...proof, head: { ...proof.head, time: "2001-01-01T00:00:00.000Z" } },
          { ...proof, head: { ...proof.head, size: proof.head.size + 1 } },
          { ...proof, head: stranger.sign(proof.head) },
          { ...proof, since: { ...proof.since, head: { ...since, root: sha256("x") } } },
        ];
        for (const one of forged) assert.equal(checkProof(one, testSigner.publicKey).holds, false, JSON.stringify(one));
        for (const [path, disclosed] of Object.entries<object>(proof.personal)) {
          const personal = { ...proof.personal, [path]: { ...disclosed, value: "somebody else" } };
          assert.equal(checkProof({ ...proof, personal }).holds, false, path);
        }
      }
    });
  });

  describe(`${name} where names are erased`, () => {
    test("takes paths, digests of originals and persons out of what ended, and everything still proves itself", async () => {
      await using opened = await open();
      const { ledger, seals } = opened;
      for (const key of ["anna/1.jpg", "anna/2.jpg", "ben/1.jpg"]) await maskOne(ledger, key);
      const failed = await bring(ledger, "anna/3.jpg", "started");
      await ledger.append({ jobId: failed, kind: "dead", at: 5, code: "unreadable", message: "anna/3.jpg is cut off" });
      const waiting = await bring(ledger, "anna/4.jpg", "held");
      const scope = { path: "anna/*" };
      assert.deepEqual(await countErasable(seals, scope), { jobs: 3, notes: 0, records: 0 });
      await sealerOf(seals).sealAll();
      assert.deepEqual(await countErasable(seals, scope), { jobs: 3, notes: 0, records: 9 });
      assert.deepEqual(await eraseIn(seals, scope), { jobs: 3, notes: 0, records: 9 });
      assert.deepEqual(await countErasable(seals, scope), { jobs: 0, notes: 0, records: 0 });
      const report = await verifyLedger({ seals });
      assert.deepEqual([report.faults, report.erased, report.records, report.unsealed], [[], 9, 16, 0]);

      const everything = JSON.stringify([await found(seals), (await ledger.find({ limit: 99 })).records]);
      assert.doesNotMatch(everything, /anna\/[123]/);
      for (const key of ["anna/1.jpg", "anna/2.jpg"]) {
        assert.ok(!everything.includes(sha256(`original ${key}`)) && !everything.includes(sha256(`request ${key}`)));
        assert.deepEqual(await found(seals, { digest: sha256(`original ${key}`) }), []);
      }
      assert.ok(everything.includes("anna/4.jpg"), "what waits for a person stays");
      assert.equal((await ledger.get(waiting))?.state, "held");
      const [done] = await found(seals, { digest: sha256("masked anna/1.jpg") });
      const checked = checkProof((await proveRecord(seals, done!))!, testSigner.publicKey);
      assert.ok(checked.holds);
      assert.equal(valueAt(checked.record, "detail.regions"), 2);
      const [erasure] = (await found(seals)).filter(({ kind }) => kind === "erasure");
      assert.deepEqual([erasure?.body?.records, erasure?.body?.who, erasure?.body?.veil], [9, "command:anna", "1.2.3"]);
    });

    test("takes everything that ended before a date, requests too, and nothing that is newer", async () => {
      await using opened = await open();
      const { ledger, seals } = opened;
      await maskOne(ledger, "old.jpg");
      const { id } = (await admitOne(ledger, { key: "new.jpg" })).job;
      await ledger.append({ jobId: id, kind: "started", at: 2500 });
      await ledger.append({ jobId: id, kind: "done", at: 3000 });
      for (const at of [1500, 2900, 3000]) await noteOne(ledger, at);
      assert.deepEqual(await eraseIn(seals, { before: 3000 }), { jobs: 1, notes: 2, records: 5 });
      assert.deepEqual(
        (await ledger.notes(9)).map((note) => "input" in note && note.input.sha256),
        [sha256("note 3000"), undefined, undefined],
      );
      assert.equal((await ledger.get(id))?.job.input.key, "new.jpg");
      await assertSound(seals);
    });

    test("does not take an erased object in again, but a new version of it, in its turn", async () => {
      await using opened = await open();
      const { ledger, seals } = opened;
      const id = await maskOne(ledger, "a.jpg");
      await eraseIn(seals, { path: "a.jpg" });
      const [known, newer] = ["1", "2"].map((version) => ({ key: "a.jpg", version }));
      assert.deepEqual(await ledger.unseen("folder", [known!]), []);
      assert.deepEqual(await ledger.unseen("folder", [newer!, known!]), [newer]);
      assert.deepEqual(await ledger.unseen("other", [known!]), [known]);
      // Under another policy too, which makes another id.
      const candidate = makeCandidate(known);
      const changed = { ...candidate, job: { ...candidate.job, id: "another-policy" } };
      for (const one of [candidate, changed]) {
        const [admission] = await ledger.admit([one]);
        assert.deepEqual([admission?.fresh, admission?.again, admission?.record.job.id], [false, false, id]);
        assert.equal(admission?.record.erased, true);
      }
      const [admission] = await ledger.admit([makeCandidate(newer)]);
      assert.deepEqual([admission?.fresh, admission?.record.job.generation], [true, 2]);
      assert.deepEqual(await ledger.unseen("folder", [known!]), [known], "an older version that is put back");
    });

    test("lets nothing follow on a job whose names are gone", async () => {
      await using opened = await open();
      const { ledger, seals } = opened;
      const id = await bring(ledger, "a.jpg", "dead");
      await eraseIn(seals, { path: "a.jpg" });
      assert.equal(await ledger.redrive(id, makeCandidate({ key: "a.jpg", revision: 1 }), 9), undefined);
      assert.equal(await ledger.append({ jobId: id, kind: "superseded", at: 9 }), false);
      assert.equal((await ledger.get(id))?.state, "dead");
      assert.equal((await ledger.history(id)).length, 3);
      await assertSound(seals);
    });
  });
}
