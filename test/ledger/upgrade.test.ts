import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { createPostgresLedger } from "../../src/ledger/postgres.ts";
import { createPostgresSeals } from "../../src/ledger/postgres-seals.ts";
import { postgresClaims, postgresTables } from "../../src/ledger/postgres-tables.ts";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { statsIndexes } from "../../src/ledger/sqlite-stats.ts";
import { claimColumns, ledgerTables } from "../../src/ledger/sqlite-tables.ts";
import { openPostgres } from "../../src/postgres.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { makeCandidate } from "../contracts/jobs.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { startPostgres, withoutPostgres } from "../fixtures/postgres-server.ts";

const installationKey = "ab".repeat(32);

/** One statement, with names of parameters as the database has them. */
type Run = (sql: string, params: Readonly<Record<string, string | number>>) => Promise<unknown>;

/** A job that is done and one that waits, as a veil of the first tables wrote them; later columns have their defaults. */
async function writeAsThen(run: Run): Promise<void> {
  const job = (id: string, key: string) => ({ ...makeCandidate({ key, route: "folder" }).job, id, generation: 1 });
  const rows = [
    { job: job("1".repeat(32), "done.jpg"), kinds: ["admitted", "started", "done"], attempts: 1 },
    { job: job("2".repeat(32), "waits.jpg"), kinds: ["admitted"], attempts: 0 },
  ];
  let seq = 0;
  for (const { job, kinds, attempts } of rows) {
    const { id, input } = job;
    seq += kinds.length;
    await run(
      `insert into jobs (id, route, key, version, generation, lane, job, admitted_at)
        values ($id, 'folder', $key, $version, 1, 'bulk', $job, 10)`,
      { id, key: input.key, version: input.version, job: JSON.stringify(job) },
    );
    for (const [index, kind] of kinds.entries())
      await run("insert into events (job_id, kind, at, detail) values ($id, $kind, $at, $detail)", {
        ...{ id, kind, at: 10 + index, detail: kind === "done" ? '{"regions":2}' : "{}" },
      });
    await run(
      `insert into job_state (job_id, route, state, attempts, updated_at, seq, last)
        values ($id, 'folder', $state, $attempts, 12, $seq, '{}')`,
      { id, state: kinds.at(-1)!, attempts, seq },
    );
  }
}

/** What was there is still there, what waited goes on to its end, and something new is taken. */
async function goesOn(ledger: Ledger): Promise<void> {
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
        await writeAsThen((sql, params) => sqlite.write([{ sql, params }]));
      }
      await using sqlite = await openSqlite(path);
      const ledger = await createSqliteLedger({ sqlite, installationKey });
      await goesOn(ledger);
      await ledger.close();
    });
  }
});

describe("a ledger that an older veil has written to PostgreSQL", { skip: withoutPostgres }, () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server[Symbol.asyncDispose]());

  const pairs = postgresTables.flatMap((_, index) => [0, postgresClaims.length].map((claims) => [index + 1, claims]));
  for (const [steps = 0, claims = 0] of pairs) {
    const had = `${steps} of ${postgresTables.length} steps of its tables and ${claims} of ${postgresClaims.length} of its claims`;
    test(`with ${had} is brought up to date, and goes on`, async () => {
      const url = await server.database();
      {
        await using postgres = await openPostgres({ url });
        await postgres.migrate("ledger", postgresTables.slice(0, steps));
        await postgres.migrate("claims", postgresClaims.slice(0, claims));
        await writeAsThen((sql, params) => postgres.ask(sql, params));
        await postgres.ask(
          "insert into job_counts (route, state, jobs) values ('folder', 'done', 1), ('folder', 'admitted', 1)",
        );
      }
      await using postgres = await openPostgres({ url });
      await goesOn(await createPostgresLedger({ postgres, installationKey }));
      const seals = await createPostgresSeals(postgres);
      // Four records of then, and three since.
      assert.equal(await seals.countUnsealed(), 7);
    });
  }

  test("by a newer veil is refused, and nothing is done to it", async () => {
    const url = await server.database();
    await using postgres = await openPostgres({ url });
    await postgres.migrate("ledger", [...postgresTables, "create table of_a_newer_one (n int)"]);
    await assert.rejects(createPostgresLedger({ postgres, installationKey }), {
      code: "invalid-config",
      message: /Expected version \d+ or older for the tables of ledger/,
    });
  });
});
