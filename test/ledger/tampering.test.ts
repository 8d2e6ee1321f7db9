import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Problem } from "../../src/errors.ts";
import { erase } from "../../src/ledger/erase.ts";
import type { Head } from "../../src/ledger/head.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import type { Seals } from "../../src/ledger/seals.ts";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { createSqliteSeals } from "../../src/ledger/sqlite-seals.ts";
import { ledgerTables } from "../../src/ledger/sqlite-tables.ts";
import { createTombstones } from "../../src/ledger/tombstone.ts";
import { verifyLedger } from "../../src/ledger/verify.ts";
import { openSqlite, type Sqlite } from "../../src/sqlite.ts";
import { makeJob } from "../contracts/jobs.ts";
import { maskOne, noteOne, sealerOf } from "../contracts/ledger-seals.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";

interface Opened extends AsyncDisposable {
  readonly sqlite: Sqlite;
  readonly ledger: Ledger;
  readonly seals: Seals;
  /** As somebody with the file would: no trigger stops it. */
  change(...sql: readonly string[]): Promise<void>;
}

async function openSealed(jobs: number): Promise<Opened> {
  const sqlite = await openSqlite(":memory:");
  const ledger = await createSqliteLedger({ sqlite, installationKey: "test", stamp: { veil: "0", who: "service:a" } });
  const seals = await createSqliteSeals(sqlite);
  for (let index = 0; index < jobs; index += 1) await maskOne(ledger, `${index}.jpg`);
  await noteOne(ledger, 1);
  await sealerOf(seals).sealAll();
  const triggers = ["events_stay", "events_stay_same", "notes_stay", "notes_stay_same"];
  await sqlite.write(triggers.map((name) => ({ sql: `drop trigger ${name}` })));
  const off = "pragma defer_foreign_keys = on";
  return {
    ...{ sqlite, ledger, seals },
    change: async (...sql) => void (await sqlite.write([off, ...sql].map((one) => ({ sql: one })))),
    [Symbol.asyncDispose]: sqlite.close,
  };
}

async function faultsOf(seals: Seals, headsFile?: string): Promise<readonly string[]> {
  return (await verifyLedger({ seals, ...(headsFile !== undefined && { headsFile }) })).faults;
}

/** Every way to change one record; `seq` counts from 1, and record 0 is event 1. */
const edits: Readonly<Record<string, (seq: number) => readonly string[]>> = {
  "its time": (seq) => [`update events set at = at + 1 where seq = ${seq}`],
  "its kind": (seq) => [`update events set kind = 'held' where seq = ${seq}`],
  "its detail": (seq) => [`update events set detail = json_set(detail, '$.regions', 7) where seq = ${seq}`],
  "who wrote it": (seq) => [`update events set detail = json_set(detail, '$.who', 'service:b') where seq = ${seq}`],
  "a detail that is no JSON": (seq) => [`update events set detail = '{' where seq = ${seq}`],
  "its job": (seq) => [`update events set job_id = (select min(id) from jobs where id <> job_id) where seq = ${seq}`],
  "a value that passes for a commitment": (seq) => [
    `update events set detail = json_set(detail, '$.who', json('{"committed":"00"}')) where seq = ${seq}`,
  ],
  "its seed": (seq) => [`update seals set seed = randomblob(32) where kind = 'event' and seq = ${seq}`],
  "its seed, gone": (seq) => [`update seals set seed = null where kind = 'event' and seq = ${seq}`],
  "an erasure that never was": (seq) => [
    `update seals set seed = null, commitments = '{}' where kind = 'event' and seq = ${seq}`,
  ],
  "its leaf": (seq) => [`update seals set leaf = randomblob(32) where kind = 'event' and seq = ${seq}`],
  "its chain": (seq) => [`update seals set chain = randomblob(32) where kind = 'event' and seq = ${seq}`],
};

describe("whoever changes the ledger's file is found out", () => {
  test("nothing changed: nothing found", async () => {
    await using opened = await openSealed(3);
    assert.deepEqual(await faultsOf(opened.seals), []);
  });

  test("any change of any record is found, and the first bad record is named", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(edits)), fc.integer({ min: 1, max: 12 }), async (name, seq) => {
        await using opened = await openSealed(4);
        await opened.change(...edits[name]!(seq));
        const [first = "nothing"] = await faultsOf(opened.seals);
        assert.match(first, new RegExp(`^record ${seq - 1} \\(event ${seq}`), name);
      }),
      { numRuns: 40 },
    );
  });

  const found: Readonly<Record<string, readonly [sql: readonly string[], first: RegExp]>> = {
    "a job's column": [["update jobs set key = 'x' where rowid = 2"], /^record 3 .*does not say any more/],
    "a job's policy": [
      ["update jobs set job = json_set(job, '$.policy.strength', 'maximum') where rowid = 2"],
      /^record 3 .*does not say any more/,
    ],
    "a job's lane": [["update jobs set lane = 'interactive' where rowid = 2"], /^record 3 /],
    "a note": [["update notes set note = json_set(note, '$.outcome', 'refused')"], /^record 12 \(note 1\)/],
    "an event that is deleted": [["delete from events where seq = 5"], /^record 4 \(event 5\): it is gone/],
    "an event that is deleted with its seal": [
      ["delete from events where seq = 5", "delete from seals where seq = 5 and kind = 'event'"],
      /^record 4 is gone from the chain/,
    ],
    "an event that is deleted, and the rest moved up": [
      [
        "delete from events where seq = 5",
        "delete from seals where position = 4",
        "update seals set position = -position where position > 4",
        "update seals set position = -position - 1 where position < 0",
      ],
      /^record 4 \(event 6.*does not follow the record before it/,
    ],
    "two events that change places": [
      [
        "update events set seq = -5 where seq = 5",
        "update events set seq = 5 where seq = 6",
        "update events set seq = 6 where seq = -5",
      ],
      /^record 4 \(event 5.*does not say any more/,
    ],
    "two events that change places with their seals": [
      [
        "update events set seq = -5 where seq = 5",
        "update events set seq = 5 where seq = 6",
        "update events set seq = 6 where seq = -5",
        "update seals set seq = -5 where position = 4",
        "update seals set seq = 5 where position = 5",
        "update seals set seq = 6 where position = 4",
      ],
      /^record 5 .*not in the order/,
    ],
    "an event that is put in": [
      ["insert into events (seq, job_id, kind, at, detail) select -1, id, 'done', 1, '{}' from jobs limit 1"],
      /^1 event lies among sealed ones without being sealed/,
    ],
    "a head": [["update heads set head = json_set(head, '$.time', '2001-01-01')"], /^signed head.*signature is wrong/],
    "the end, cut off": [
      ["delete from seals where position >= 9", "delete from events where seq > 9", "delete from notes"],
      /^signed head for 13 records.*the end is cut off/,
    ],
  };
  for (const [name, [sql, first]] of Object.entries(found)) {
    test(name, async () => {
      await using opened = await openSealed(4);
      await opened.change(...sql);
      const [fault = "nothing"] = await faultsOf(opened.seals);
      assert.match(fault, first);
    });
  }

  test("an end that is cut off with its head is found with a head kept elsewhere, and only so", async () => {
    await using opened = await openSealed(4);
    await using folder = await temporaryFolder();
    const headsFile = join(folder.path, "heads.jsonl");
    const { head } = await opened.seals.state();
    await opened.ledger.append({ jobId: await maskOne(opened.ledger, "last.jpg"), kind: "done", at: 1 });
    await sealerOf(opened.seals).sealAll();
    const newest = (await opened.seals.state()).head;
    await writeFile(headsFile, [head, newest].map((one) => `${JSON.stringify(one)}\n`).join(""));
    assert.deepEqual(await faultsOf(opened.seals, headsFile), []);
    await opened.change(
      "delete from seals where position >= 13",
      "delete from events where seq > 12",
      "delete from heads where size > 13",
    );
    assert.deepEqual(await faultsOf(opened.seals), []);
    const [fault = "nothing"] = await faultsOf(opened.seals, headsFile);
    assert.match(
      fault,
      /line 2 of .* for 16 records, signed .*, but there are 13: at least 3 are missing from the end/,
    );
  });

  test("a ledger that was made anew, with a key of its own, is found with a head kept elsewhere", async () => {
    await using first = await openSealed(2);
    await using second = await openSealed(2);
    await using folder = await temporaryFolder();
    const headsFile = join(folder.path, "heads.jsonl");
    await writeFile(headsFile, `${JSON.stringify((await first.seals.state()).head)}\n`);
    assert.deepEqual(await faultsOf(second.seals), []);
    assert.match((await faultsOf(second.seals, headsFile))[0]!, /does not stand for the first 7 records/);
    const stranger: Head = { ...(await first.seals.state()).head!, keyId: "00" };
    await writeFile(headsFile, `\n${JSON.stringify(stranger)}\nnonsense\n`);
    assert.match(
      (await faultsOf(first.seals, headsFile)).join("\n"),
      /line 2 .*signed by key 00.*\n.*line 3 .* no head/,
    );
  });

  test("heads that two processes wrote out of order are no fault", async () => {
    await using opened = await openSealed(4);
    await using folder = await temporaryFolder();
    const headsFile = join(folder.path, "heads.jsonl");
    const old = (await opened.seals.state()).head!;
    await maskOne(opened.ledger, "last.jpg");
    await sealerOf(opened.seals).sealAll();
    const lines = [(await opened.seals.state()).head, old].map((one) => `${JSON.stringify(one)}\n`);
    await writeFile(headsFile, lines.join(""));
    assert.deepEqual(await faultsOf(opened.seals, headsFile), []);
  });

  test("nothing is sealed behind an end that was cut off: that would cover it up", async () => {
    await using opened = await openSealed(4);
    await opened.change("delete from seals where position >= 9");
    const told: Problem[] = [];
    const sealer = sealerOf(opened.seals, (problem) => told.push(problem));
    await assert.rejects(sealer.sealAll(), { code: "ledger-broken" });
    await sealer.close();
    assert.match(told[0]?.message ?? "", /newest head is for 13 records and does not fit the 9/);
  });

  test("whatever is erased, the rest proves itself, and a change of any record is still found", async () => {
    await fc.assert(
      fc.asyncProperty(fc.subarray([0, 1, 2, 3]), fc.integer({ min: 1, max: 12 }), async (jobs, seq) => {
        await using opened = await openSealed(4);
        const { seals } = opened;
        const parts = { seals, sealer: sealerOf(seals), stamp: {}, bury: createTombstones("test") };
        for (const job of jobs) await erase({ ...parts, scope: { path: `${job}.jpg` } });
        const report = await verifyLedger({ seals });
        assert.deepEqual([report.faults, report.erased], [[], jobs.length * 3]);
        await opened.change(`update events set detail = json_set(detail, '$.message', 'x') where seq = ${seq}`);
        assert.match((await faultsOf(seals))[0] ?? "nothing", new RegExp(`^record ${seq - 1} \\(event ${seq}`));
      }),
      { numRuns: 15 },
    );
  });

  test("a tree that proofs are made of can't be changed unseen", async () => {
    await using opened = await openSealed(90);
    await opened.change("update tree set hash = randomblob(32) where level = 8 and place = 0");
    assert.match((await faultsOf(opened.seals))[0]!, /^the tree's node 8\/0/);
  });
});

test("a ledger of the first version is sealed as it is", async () => {
  await using sqlite = await openSqlite(":memory:");
  await sqlite.migrate("ledger", ledgerTables.slice(0, 1));
  const { generation, ...job } = makeJob({ key: "old.jpg" });
  const params = { id: job.id, generation, job: JSON.stringify(job), detail: '{"input":{"size":1,"sha256":"ab"}}' };
  await sqlite.write(
    [
      `insert into jobs values ($id, 'folder', 'old.jpg', '1', $generation, 'bulk', $job, null, 1)`,
      `insert into events (job_id, kind, at, detail) values ($id, 'admitted', 1, '{}'), ($id, 'started', 2, '{"attempt":1}'),
         ($id, 'done', 3, $detail)`,
      `insert into job_state values ($id, 'folder', 'done', 1, 3, 3, $detail)`,
      `insert into notes (note) values ('{"at":1,"outcome":"detected","input":{"size":1,"sha256":"cd"}}')`,
    ].map((sql) => ({ sql, params })),
  );
  const ledger = await createSqliteLedger({ sqlite, installationKey: "test" });
  const seals = await createSqliteSeals(sqlite);
  assert.equal((await ledger.get(job.id))?.state, "done");
  assert.equal(await sealerOf(seals).sealAll(), 4);
  const report = await verifyLedger({ seals });
  assert.deepEqual([report.faults, report.records], [[], 4]);
  await maskOne(ledger, "new.jpg");
  assert.equal(await sealerOf(seals).sealAll(), 3);
  assert.deepEqual(await faultsOf(seals), []);
});
