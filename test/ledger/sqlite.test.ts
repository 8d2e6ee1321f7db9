import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { createSqliteSeals } from "../../src/ledger/sqlite-seals.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { makeCandidate } from "../contracts/jobs.ts";
import { type DurableLedgerUnderTest, durableLedgerContract, ledgerContract } from "../contracts/ledger.ts";
import { sealsContract } from "../contracts/ledger-seals.ts";
import { ledgerVersionsContract } from "../contracts/ledger-versions.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";

async function openMemory() {
  const sqlite = await openSqlite(":memory:");
  const ledger = await createSqliteLedger({ sqlite, installationKey: "test" });
  return { sqlite, ledger, seals: await createSqliteSeals(sqlite), [Symbol.asyncDispose]: sqlite.close };
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

describe("the sqlite ledger", () => {
  test("has tables that refuse to change or lose an event or a note", async () => {
    await using opened = await openMemory();
    const { sqlite, ledger } = opened;
    const admissions = await ledger.admit([makeCandidate()]);
    await sqlite.write([{ sql: "insert into notes (note) values ('{}')" }]);
    for (const sql of [
      "update events set at = 0",
      "delete from events",
      "update notes set note = ''",
      "delete from notes",
    ]) {
      await assert.rejects(sqlite.write([{ sql }]), /append-only/, sql);
    }
    assert.equal((await ledger.history(admissions[0]!.record.job.id)).length, 1);
  });

  test("asks its questions along indexes, however many jobs there are", async () => {
    await using opened = await openMemory();
    const { sqlite } = opened;
    const asked: string[] = [];
    const watched = await createSqliteLedger({
      installationKey: "test",
      sqlite: {
        ...sqlite,
        read(statements) {
          asked.push(...statements.map(({ sql }) => sql));
          return sqlite.read(statements);
        },
        write(statements) {
          asked.push(...statements.map(({ sql }) => sql));
          return sqlite.write(statements);
        },
      },
    });
    const [admission] = await watched.admit([makeCandidate()]);
    const { record } = admission!;
    await watched.append({ jobId: record.job.id, kind: "started", at: 1 });
    await watched.get(record.job.id);
    await watched.isCurrent(record.job);
    await watched.unseen("folder", [{ key: "a", version: "1" }]);
    await watched.unstarted(1, 1, record.job.id);
    await watched.history(record.job.id);
    await watched.find({ limit: 1 });
    await watched.find({ limit: 1, route: "folder" });
    await watched.find({ limit: 1, key: "a.jpg", states: ["dead"] });
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
