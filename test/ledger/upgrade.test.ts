import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { statsIndexes } from "../../src/ledger/sqlite-stats.ts";
import { claimColumns, ledgerTables } from "../../src/ledger/sqlite-tables.ts";
import { openSqlite, type Sqlite } from "../../src/sqlite.ts";
import { makeCandidate } from "../contracts/jobs.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";

const installationKey = "ab".repeat(32);

/** A job that is done and one that waits, as a veil of the first tables wrote them; later columns have their defaults. */
async function writeAsThen(sqlite: Sqlite): Promise<void> {
  const job = (id: string, key: string) => ({ ...makeCandidate({ key, route: "folder" }).job, id, generation: 1 });
  const rows = [
    { job: job("1".repeat(32), "done.jpg"), kinds: ["admitted", "started", "done"], attempts: 1 },
    { job: job("2".repeat(32), "waits.jpg"), kinds: ["admitted"], attempts: 0 },
  ];
  let seq = 0;
  for (const { job, kinds, attempts } of rows) {
    const { id, input } = job;
    seq += kinds.length;
    await sqlite.write([
      {
        sql: `insert into jobs (id, route, key, version, generation, lane, job, admitted_at)
          values ($id, 'folder', $key, $version, 1, 'bulk', $job, 10)`,
        params: { id, key: input.key, version: input.version, job: JSON.stringify(job) },
      },
      ...kinds.map((kind, index) => ({
        sql: "insert into events (job_id, kind, at, detail) values ($id, $kind, $at, $detail)",
        params: { id, kind, at: 10 + index, detail: kind === "done" ? '{"regions":2}' : "{}" },
      })),
      {
        sql: `insert into job_state (job_id, route, state, attempts, updated_at, seq, last)
          values ($id, 'folder', $state, $attempts, 12, $seq, '{}')`,
        params: { id, state: kinds.at(-1)!, attempts, seq },
      },
    ]);
  }
}

describe("a ledger that an older veil has written", () => {
  for (let steps = 1; steps <= ledgerTables.length; steps++) {
    test(`with ${steps} of ${ledgerTables.length} steps of its tables is brought up to date, and goes on`, async () => {
      await using folder = await temporaryFolder();
      const path = join(folder.path, "veil.sqlite");
      {
        await using sqlite = await openSqlite(path);
        await sqlite.migrate("ledger", ledgerTables.slice(0, steps));
        if (steps === ledgerTables.length) {
          await sqlite.migrate("ledger-claims", claimColumns);
          await sqlite.migrate("ledger-stats", statsIndexes);
        }
        await writeAsThen(sqlite);
      }
      await using sqlite = await openSqlite(path);
      const ledger = await createSqliteLedger({ sqlite, installationKey });
      const { done, admitted } = await ledger.counts();
      assert.deepEqual([done, admitted], [1, 1]);
      const [waits] = await ledger.unstarted(Date.now(), 10);
      assert.equal(waits?.job.input.key, "waits.jpg");
      const { id: jobId } = waits.job;
      const claim = { holder: "test", ttlMs: 1000 };
      assert.notEqual(await ledger.start({ jobId, kind: "started", at: 20 }, claim), undefined);
      assert.ok(await ledger.append({ jobId, kind: "done", at: 21, regions: 1 }));
      assert.deepEqual(
        (await ledger.history(jobId)).map(({ kind }) => kind),
        ["admitted", "started", "done"],
      );
      const [stats] = await ledger.stats(0);
      assert.equal(stats?.states.done, 2);
      const [fresh] = await ledger.admit([makeCandidate({ key: "new.jpg", route: "folder" })]);
      assert.equal(fresh?.fresh, true);
      await ledger.close();
    });
  }
});
