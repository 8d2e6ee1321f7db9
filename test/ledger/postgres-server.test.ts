import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { createPostgresLedger } from "../../src/ledger/postgres.ts";
import { openInstallation } from "../../src/ledger/postgres-installation.ts";
import { createPostgresSeals } from "../../src/ledger/postgres-seals.ts";
import { postgresTables } from "../../src/ledger/postgres-tables.ts";
import { verifyLedger } from "../../src/ledger/verify.ts";
import { openPostgres } from "../../src/postgres.ts";
import { isLost, postgresProblem } from "../../src/postgres-problem.ts";
import { makeCandidate } from "../contracts/jobs.ts";
import { admitOne, bring } from "../contracts/ledger.ts";
import { eraseIn, maskOne, noteOne, sealerOf } from "../contracts/ledger-seals.ts";
import { startPostgres, withoutPostgres } from "../fixtures/postgres-server.ts";

const server = withoutPostgres === false ? await startPostgres() : undefined;
after(() => server?.[Symbol.asyncDispose]());

async function open(url?: string, patienceMs = 20_000) {
  const postgres = await openPostgres({ url: url ?? (await server!.database()), patienceMs });
  const ledger = await createPostgresLedger({ postgres, installationKey: "test" });
  return { postgres, ledger, seals: await createPostgresSeals(postgres), [Symbol.asyncDispose]: postgres.close };
}

describe("a PostgreSQL ledger", { skip: withoutPostgres }, () => {
  test("seals a record that was begun early and committed late, behind what was sealed meanwhile", async () => {
    await using opened = await open();
    const { postgres, ledger, seals } = opened;
    const { id } = (await admitOne(ledger, { key: "late.jpg" })).job;
    await sealerOf(seals).sealAll();
    // Its number of the sequence is taken here, before those of the others.
    const committed = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const late = postgres.transaction(async (ask) => {
      const sql = "insert into events (job_id, kind, at, detail) values ($id, 'started', 1, '{}')";
      await ask(sql, { id });
      await ask('insert into notes (note) values (\'{"at":1,"outcome":"refused"}\')');
      begun.resolve();
      await committed.promise;
    });
    await begun.promise;
    await maskOne(ledger, "early.jpg");
    await noteOne(ledger, 5);
    assert.equal(await sealerOf(seals).sealAll(), 4);
    assert.equal(await seals.countUnsealed(), 0);
    committed.resolve();
    await late;
    assert.equal(await seals.countUnsealed(), 2);
    assert.equal(await sealerOf(seals).sealAll(), 2);
    const report = await verifyLedger({ seals });
    assert.deepEqual([report.faults, report.records, report.unsealed], [[], 7, 0]);
    const [event] = await postgres.ask("select id, seq from events where kind = 'started' and job_id = $id", { id });
    const [newest] = await postgres.ask("select max(id) as id from events");
    assert.ok(Number(event!.id) < Number(newest!.id), "it was begun first");
    assert.equal(event!.seq, 5, "and numbered last");
  });

  test("is edited, cut or added to by nobody unseen", async () => {
    await using opened = await open();
    const { postgres, ledger, seals } = opened;
    for (const key of ["a.jpg", "b.jpg"]) await maskOne(ledger, key);
    await noteOne(ledger, 5);
    await sealerOf(seals).sealAll();
    for (const sql of [
      "update events set at = 0",
      "delete from events",
      "update events set seq = seq + 100",
      "update notes set note = ''",
      "delete from notes",
    ]) {
      await assert.rejects(postgres.ask(sql), /append-only/, sql);
    }
    await postgres.ask("alter table events disable trigger all; alter table notes disable trigger all");
    const edits: readonly (readonly [string, string, RegExp])[] = [
      ["update events set at = at + 1 where seq = 2", "update events set at = at - 1 where seq = 2", /^record 1 /],
      [
        "update jobs set version = '9' where key = 'b.jpg'",
        "update jobs set version = '1' where key = 'b.jpg'",
        /^record 3 /,
      ],
      [
        "insert into notes (note, seq) values ('{}', 0)",
        "delete from notes where seq = 0",
        /^1 note lies among sealed ones/,
      ],
      ["delete from notes where seq = 1", "", /^record 6 .*gone/],
    ];
    for (const [edit, undo, fault] of edits) {
      await postgres.ask(edit);
      assert.match((await verifyLedger({ seals })).faults[0] ?? "nothing", fault, edit);
      if (undo) await postgres.ask(undo);
    }
  });

  test("takes a thousand candidates in a few round trips, one of each object, whoever admits", async (t) => {
    const url = await server!.database();
    await using one = await open(url);
    await using other = await open(url);
    const candidates = Array.from({ length: 1000 }, (_, index) => makeCandidate({ key: `${index}.jpg` }));
    const began = performance.now();
    const both = await Promise.all([one, other].map(({ ledger }) => ledger.admit(candidates)));
    t.diagnostic(`2 x 1000 admissions took ${Math.round(performance.now() - began)} ms`);
    assert.equal(both.flat().filter(({ fresh }) => fresh).length, 1000);
    assert.deepEqual(
      both[0]!.map(({ record }) => record.job.input.key),
      candidates.map(({ job }) => job.input.key),
    );
    const [events] = await one.postgres.ask("select count(*) as events from events");
    assert.equal(events!.events, 1000);
    // Counts are rows that are added up by the way.
    const rows = async () => Number((await one.postgres.ask("select count(*) as n from job_counts"))[0]!.n);
    for (let index = 0; index < 400; index += 1)
      await one.ledger.append({ jobId: candidates[index]!.job.id, kind: "started", at: 1 });
    assert.ok((await rows()) < 600, `${await rows()} rows`);
    const { admitted, started } = await one.ledger.counts();
    assert.deepEqual([admitted, started], [600, 400]);
  });

  test("two that move jobs to and fro at once never stand in each other's way", async () => {
    const url = await server!.database();
    await using one = await open(url);
    await using other = await open(url);
    const ids = await Promise.all(
      Array.from({ length: 20 }, (_, index) => bring(one.ledger, `${index}.jpg`, "started")),
    );
    const toAndFro = ids.map(async (jobId, index) => {
      const { ledger } = index % 2 === 0 ? one : other;
      for (const kind of ["failed", "started", "failed", "started", "done"] as const)
        assert.ok(await ledger.append({ jobId, kind, at: 2 }));
    });
    await Promise.all(toAndFro);
    assert.equal((await one.ledger.counts()).done, 20);
  });

  test("keeps what it has confirmed, whatever the server's settings say of commits", async () => {
    const url = await server!.database();
    await using plain = await open(url);
    await plain.postgres.ask(`alter database ${new URL(url).pathname.slice(1)} set synchronous_commit = off`);
    await using opened = await open(url);
    const [row] = await opened.postgres.ask("select current_setting('synchronous_commit') as commits");
    assert.equal(row!.commits, "on");
  });

  test("needs no more than a database of its user's own, and its dump, put back, proves itself and goes on", async () => {
    {
      await using everything = await openPostgres({ url: server!.url });
      await everything.ask("create role plain login");
      await everything.ask("create database plain owner plain");
    }
    const url = server!.url.replace(/veil@(.*)\/.*$/, "plain@$1/plain");
    await using opened = await open(url);
    for (const key of ["a.jpg", "b.jpg"]) await maskOne(opened.ledger, key);
    await noteOne(opened.ledger, 5);
    assert.equal((await eraseIn(opened.seals, { path: "a.jpg" })).jobs, 1);
    await opened.seals.compact();
    await using restored = await open(await server!.restored(url));
    const before = await verifyLedger({ seals: restored.seals });
    assert.deepEqual([before.faults, before.records, before.erased], [[], 8, 3]);
    await maskOne(restored.ledger, "c.jpg");
    await sealerOf(restored.seals).sealAll();
    const after = await verifyLedger({ seals: restored.seals });
    assert.deepEqual([after.faults, after.records], [[], 11]);
    await assert.rejects(restored.postgres.ask("update events set at = 0"), /append-only/);
  });

  test("knows which queue was in use, and is one installation's alone", async () => {
    await using postgres = await openPostgres({ url: await server!.database() });
    const installation = await openInstallation(postgres, "key");
    assert.equal(await installation.queue(), undefined);
    await installation.noteQueue("first");
    const second = await openInstallation(postgres, "key");
    assert.equal(await second.queue(), "first");
    await assert.rejects(openInstallation(postgres, "another"), { code: "invalid-config" });
  });

  test("its tables are made by steps that each run once, and a newer veil's are refused", async () => {
    const url = await server!.database();
    const several = await Promise.all([1, 2, 3].map(() => openPostgres({ url })));
    await Promise.all(several.map((one) => one.migrate("ledger", postgresTables)));
    const [postgres, ...others] = several;
    for (const other of others) await other.close();
    await using _ = postgres!;
    const steps = ["create table part (a integer)", "alter table part add column b integer not null default 7"];
    for (let version = 0; version <= steps.length; version += 1) {
      const part = `part ${version}`;
      await postgres!.migrate(part, steps.slice(0, version));
      if (version > 0) await postgres!.ask("insert into part (a) values (1)");
      await postgres!.migrate(part, steps);
      await postgres!.migrate(part, steps);
      if (version > 0) assert.deepEqual(await postgres!.ask("select a, b from part"), [{ a: 1, b: 7 }]);
      await postgres!.ask("drop table part");
    }
    await assert.rejects(postgres!.migrate("part 2", steps.slice(0, 1)), {
      code: "invalid-config",
      message: "Expected version 1 or older for the tables of part 2 but received 2",
    });
    await assert.rejects(postgres!.migrate("broken", ["create table half (a integer)", "no sql"]), {
      code: "internal",
    });
    assert.deepEqual(await postgres!.ask("select to_regclass('half') as there"), [{ there: null }]);
  });

  test("speaks TLS to a server whose certificate is valid, and to no other", async () => {
    const url = await server!.database();
    await using postgres = await openPostgres({ url, ca: server!.ca });
    const [row] = await postgres.ask("select ssl from pg_stat_ssl where pid = pg_backend_pid()");
    assert.equal(row!.ssl, true);
    await assert.rejects(openPostgres({ url: `${url}?sslmode=require`, patienceMs: 0 }), /certificate/);
  });

  test("names what is wrong with the address, and never the password", async () => {
    const { port } = new URL(server!.url);
    const wrong = [
      [`postgres://veil:secret@127.0.0.1:${port}/nothing`, "invalid-config"],
      [`postgres://nobody:secret@127.0.0.1:${port}/postgres`, "invalid-config"],
      ["postgres://veil:secret@127.0.0.1:9/veil", "ledger-unavailable"],
    ] as const;
    for (const [url, code] of wrong) {
      await assert.rejects(openPostgres({ url, patienceMs: 0 }), (error: Error & { code?: string }) => {
        assert.equal(error.code, code, error.message);
        assert.doesNotMatch(`${error.message} ${error.stack}`, /secret/);
        return true;
      });
    }
  });

  test("goes on when the server is back, however it went, and has all that it had confirmed", async () => {
    const url = await server!.database();
    await using opened = await open(url, 60_000);
    await using hasty = await open(url, 0);
    const { ledger, seals } = opened;
    const confirmed: string[] = [];
    let isOver = false;
    const writing = Array.from({ length: 4 }, async (_, writer) => {
      for (let index = 0; !isOver; index += 1) confirmed.push(await maskOne(ledger, `${writer}/${index}.jpg`));
    });
    const enough = async (count: number) => {
      while (confirmed.length < count) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    await enough(5);
    await server!.stop();
    await assert.rejects(hasty.ledger.counts(), { code: "ledger-unavailable" });
    await server!.start();
    await enough(confirmed.length + 5);
    await server!.kill();
    await server!.start();
    await enough(confirmed.length + 5);
    isOver = true;
    await Promise.all(writing);
    assert.equal((await ledger.counts()).done, confirmed.length);
    for (const id of confirmed) {
      const kinds = (await ledger.history(id)).map(({ kind }) => kind);
      assert.deepEqual(kinds.filter((kind) => kind === "done").length, 1, id);
    }
    await hasty.ledger.counts();
    await sealerOf(seals).sealAll();
    assert.deepEqual((await verifyLedger({ seals })).faults, []);
  });
});

test("a client's errors become Problems that say whether it may be tried again", () => {
  const failures = [
    [{ code: "ECONNREFUSED", message: "connect" }, "ledger-unavailable"],
    [{ code: "57P01", message: "terminating connection" }, "ledger-unavailable"],
    [{ message: "Connection terminated unexpectedly" }, "ledger-unavailable"],
    [{ message: "timeout exceeded when trying to connect" }, "ledger-unavailable"],
    [{ code: "28P01", message: "password authentication failed" }, "invalid-config"],
    [{ code: "53100", message: "could not extend file" }, "store-full"],
    [{ code: "42601", message: "syntax error" }, "internal"],
  ] as const;
  for (const [error, code] of failures) {
    assert.equal(postgresProblem(error, "host:1/veil").code, code, error.message);
    assert.equal(isLost(error), code === "ledger-unavailable");
  }
});
