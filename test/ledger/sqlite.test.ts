import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { createSqliteAnnouncements } from "../../src/ledger/sqlite-announcements.ts";
import { createSqliteKeys } from "../../src/ledger/sqlite-keys.ts";
import { createSqliteLeases } from "../../src/ledger/sqlite-leases.ts";
import { createSqlitePauses } from "../../src/ledger/sqlite-pauses.ts";
import { createSqliteSeals } from "../../src/ledger/sqlite-seals.ts";
import { openSqlite, type Sqlite } from "../../src/sqlite.ts";
import { announcementsContract } from "../contracts/announcements.ts";
import { makeCandidate } from "../contracts/jobs.ts";
import { keysContract } from "../contracts/keys.ts";
import { leasesContract } from "../contracts/leases.ts";
import { bring, type DurableLedgerUnderTest, durableLedgerContract, ledgerContract } from "../contracts/ledger.ts";
import { ledgerClaimsContract } from "../contracts/ledger-claims.ts";
import { publishedContract } from "../contracts/ledger-published.ts";
import { ledgerRegionsContract } from "../contracts/ledger-regions.ts";
import { noteOne, sealerOf, sealsContract } from "../contracts/ledger-seals.ts";
import { ledgerVersionsContract } from "../contracts/ledger-versions.ts";
import { pausesContract } from "../contracts/pauses.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";

async function openMemory() {
  const sqlite = await openSqlite(":memory:");
  const ledger = await createSqliteLedger({ sqlite, installationKey: "test" });
  return {
    ...{ sqlite, ledger, seals: await createSqliteSeals(sqlite) },
    ...{ leases: await createSqliteLeases(sqlite), pauses: await createSqlitePauses(sqlite) },
    announcements: await createSqliteAnnouncements(sqlite),
    keys: await createSqliteKeys(sqlite),
    [Symbol.asyncDispose]: sqlite.close,
  };
}

async function openFile(): Promise<DurableLedgerUnderTest> {
  const folder = await temporaryFolder();
  const path = join(folder.path, "veil.db");
  const closers: (() => Promise<unknown>)[] = [];

  async function client() {
    const sqlite = await openSqlite(path);
    closers.push(sqlite.close);
    return createSqliteLedger({ sqlite, installationKey: "test" });
  }

  return {
    ledger: await client(),
    another: client,
    write: () => fork(join(import.meta.dirname, "sqlite-writer.ts"), [path]),
    async [Symbol.asyncDispose]() {
      for (const close of closers) await close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

ledgerContract("sqlite", openMemory);
ledgerVersionsContract("sqlite", openMemory);
durableLedgerContract("sqlite", openFile);
sealsContract("sqlite", openMemory);
publishedContract("sqlite", openMemory);
ledgerClaimsContract("sqlite", openMemory);
leasesContract("sqlite", openMemory);
pausesContract("sqlite", openMemory);
keysContract("sqlite", openMemory);
announcementsContract("sqlite", openMemory);
ledgerRegionsContract("sqlite", openMemory);

describe("the sqlite ledger", () => {
  test("has tables that refuse to change or lose an event or a note", async () => {
    await using opened = await openMemory();
    const { sqlite, ledger } = opened;
    const admissions = await ledger.admit([makeCandidate()]);
    await sqlite.write([{ sql: "insert into notes (note) values ('{}')" }]);
    const { id } = admissions[0]!.record.job;
    await sqlite.write([{ sql: "insert into regions values ($id, '{}')", params: { id } }]);
    for (const sql of [
      "update events set at = 0",
      "delete from events",
      "update notes set note = ''",
      "delete from notes",
      "update regions set regions = ''",
      "delete from regions",
    ]) {
      await assert.rejects(sqlite.write([{ sql }]), /append-only/, sql);
    }
    assert.equal((await ledger.history(admissions[0]!.record.job.id)).length, 1);
  });

  test("says of every record which veil wrote it, and who", async () => {
    await using opened = await openMemory();
    const stamp = { veil: "1.2.3", who: "service:anna" };
    const ledger = await createSqliteLedger({ sqlite: opened.sqlite, installationKey: "test", stamp });
    const id = await bring(ledger, "a.jpg", "dead");
    await ledger.redrive(id, makeCandidate({ key: "a.jpg", revision: 1 }), 2);
    await noteOne(ledger, 1);
    const successor = (await ledger.get(id))!.last.successor!;
    const written = [...(await ledger.history(id)), ...(await ledger.history(successor)), ...(await ledger.notes(9))];
    assert.deepEqual(
      written.map(({ veil, who }) => ({ veil, who })),
      Array.from({ length: 6 }, () => stamp),
    );
  });

  test("asks its questions along indexes, however many jobs there are", async () => {
    await using opened = await openMemory();
    const { sqlite } = opened;
    const asked: string[] = [];
    const listened: Sqlite = {
      ...sqlite,
      read(statements) {
        asked.push(...statements.map(({ sql }) => sql));
        return sqlite.read(statements);
      },
      write(statements) {
        asked.push(...statements.map(({ sql }) => sql));
        return sqlite.write(statements);
      },
    };
    const watched = await createSqliteLedger({ sqlite: listened, installationKey: "test" });
    const seals = await createSqliteSeals(listened);
    const [admission] = await watched.admit([makeCandidate()]);
    const { record } = admission!;
    await watched.append({ jobId: record.job.id, kind: "started", at: 1 });
    await watched.get(record.job.id);
    await watched.isCurrent(record.job);
    await watched.unseen("folder", [{ key: "a", version: "1" }]);
    await watched.unstarted(1, 1, record.job.id);
    await watched.history(record.job.id);
    await watched.regions(record.job.id);
    await watched.find({ limit: 1 });
    await watched.find({ limit: 1, route: "folder" });
    await watched.find({ limit: 1, key: "a.jpg", states: ["dead"] });
    await sealerOf(seals).sealAll();
    await seals.sealed(0, 1);
    await seals.sealed(0, 1, { path: "a.jpg" });
    await seals.sealed(0, 1, { digest: "ab" });
    for (const scope of [{ path: "a.jpg" }, { before: 5 }]) await seals.erasable(scope, "", 1);
    await seals.erasable({ before: 5 }, "note:0", 1);
    await seals.countUnsealed();
    for (const sql of asked) {
      const [plan] = await sqlite.read([{ sql: `explain query plan ${sql}` }]);
      const scans = plan!.map(({ detail }) => String(detail)).filter((detail) => /^SCAN/.test(detail));
      const tables = scans.filter(
        (detail) => !/VIRTUAL TABLE|CONSTANT ROW|\(subquery|SCAN (h|o|json_each)\b/.test(detail),
      );
      assert.deepEqual(tables, [], sql);
    }
    assert.ok(asked.length > 10);
  });
});
