import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { erase } from "../../src/ledger/erase.ts";
import { createPostgresLedger } from "../../src/ledger/postgres.ts";
import { createPostgresLeases } from "../../src/ledger/postgres-leases.ts";
import { createPostgresSeals } from "../../src/ledger/postgres-seals.ts";
import { createSealer } from "../../src/ledger/sealer.ts";
import { createTombstones } from "../../src/ledger/tombstone.ts";
import { openPostgres } from "../../src/postgres.ts";
import { eventually } from "../contracts/eventually.ts";
import { admitOne } from "../contracts/ledger.ts";
import { sealerOf, testSigner } from "../contracts/ledger-seals.ts";
import { startPostgres, withoutPostgres } from "../fixtures/postgres-server.ts";

const server = withoutPostgres === false ? await startPostgres() : undefined;
after(() => server?.[Symbol.asyncDispose]());

describe("a PostgreSQL that others use and set up too", { skip: withoutPostgres }, () => {
  for (const level of ["repeatable read", "serializable"]) {
    test(`two versions that two hosts admit at once follow one another where the default is ${level}`, async () => {
      const url = await server!.database();
      {
        await using plain = await openPostgres({ url });
        const name = new URL(url).pathname.slice(1);
        await plain.ask(`alter database ${name} set default_transaction_isolation = '${level}'`);
      }
      await using one = await openPostgres({ url });
      await using other = await openPostgres({ url });
      const ledgers = [
        await createPostgresLedger({ postgres: one, installationKey: "test" }),
        await createPostgresLedger({ postgres: other, installationKey: "test" }),
      ];
      for (let round = 0; round < 40; round += 1) {
        const key = `${round}.jpg`;
        const admitted = ledgers.map((ledger, host) => admitOne(ledger, { key, version: `${host}` }));
        const generations = (await Promise.all(admitted)).map(({ job }) => job.generation);
        assert.deepEqual(generations.toSorted(), [1, 2], key);
      }
    });
  }

  test("work of one name is one process's at a time, also after its connection was cut", async () => {
    const url = await server!.database();
    await using one = await openPostgres({ url });
    await using other = await openPostgres({ url });
    let [running, most] = [0, 0];
    const work = async () => {
      running += 1;
      most = Math.max(most, running);
      await sleep(10);
      running -= 1;
    };
    for (let round = 0; round < 5; round += 1) {
      await Promise.all([one.alone("output/a.jpg", work), other.alone("output/a.jpg", work)]);
    }
    assert.equal(most, 1);
    const gate = Promise.withResolvers<void>();
    const began = Promise.withResolvers<void>();
    const held = one.alone("output/a.jpg", async () => {
      began.resolve();
      await gate.promise;
    });
    await began.promise;
    let isOther = false;
    const waiting = other.alone("output/a.jpg", async () => {
      isOther = true;
    });
    await other.alone("output/b.jpg", async () => {});
    await sleep(200);
    assert.equal(isOther, false);
    // As when the machine that holds it is cut off: the server ends its sessions.
    await other.ask(
      "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and classid = 7310529 and granted",
    );
    await waiting;
    gate.resolve();
    await held;
    await one.alone("output/a.jpg", work);
  });

  test("an erasure leaves neither names nor positions of faces in the files of any table", async () => {
    const url = await server!.database();
    await using postgres = await openPostgres({ url });
    const ledger = await createPostgresLedger({ postgres, installationKey: "test" });
    const seals = await createPostgresSeals(postgres);
    const { id } = (await admitOne(ledger, { key: "granny.jpg" })).job;
    await ledger.append({ jobId: id, kind: "started", at: 1 });
    const box = { x: 123.456789, y: 1, width: 2, height: 2 };
    await ledger.append({ jobId: id, kind: "held", at: 2 }, { first: [{ kind: "face", box, score: 1 }], second: [] });
    await ledger.append({ jobId: id, kind: "rejected", at: 3 });
    const found = async () => {
      await postgres.ask("checkpoint");
      const holds = (text: string) =>
        `position('${text}'::bytea in pg_read_binary_file(pg_relation_filepath(oid::regclass))) > 0`;
      const rows = await postgres.ask(
        `select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'i')
          and (${holds("granny.jpg")} or ${holds("123.456789")}) order by relname`,
      );
      return rows.map(({ relname }) => relname);
    };
    const before = await found();
    for (const table of ["jobs", "regions"]) assert.ok(before.includes(table), `${before}`);
    const terms = { seals, sealer: sealerOf(seals), stamp: {}, bury: createTombstones("test") };
    assert.equal((await erase({ ...terms, scope: { path: "granny.jpg" } })).jobs, 1);
    assert.equal(await seals.compact(), true);
    assert.deepEqual(await found(), []);
  });

  test("no table is written anew while some process serves, and none begins to serve meanwhile", async () => {
    const url = await server!.database();
    await using command = await openPostgres({ url });
    await command.ask("create table kept (text text); insert into kept values ('x')");
    const open = (patienceMs: number) => openPostgres({ url, patienceMs, serving: {} });
    {
      await using first = await open(20_000);
      await using second = await open(20_000);
      assert.equal(await command.rewrite(["kept"]), false);
      await first.close();
      assert.equal(await command.rewrite(["kept"]), false);
      await second.ask("select 1");
    }
    // Until this transaction ends the table can't be written anew.
    const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const reading = command.transaction(async (ask) => {
      await ask("select * from kept");
      begun.resolve();
      await ended.promise;
    });
    await begun.promise;
    const rewriting = command.rewrite(["kept"]);
    const isAtIt = "select 1 from pg_stat_activity where query = 'vacuum full kept' and state = 'active'";
    await eventually("it waits for the table", async () => (await command.ask(isAtIt)).length > 0);
    await assert.rejects(open(0), { code: "ledger-unavailable", message: /being written anew/ });
    ended.resolve();
    await reading;
    assert.equal(await rewriting, true);
    await using late = await open(20_000);
    assert.deepEqual(await late.ask("select text from kept"), [{ text: "x" }]);
  });

  test("a process with a queue of its own serves alone, and may be started again at any moment", async () => {
    const url = await server!.database();
    const open = (alone?: string) =>
      openPostgres({ url, patienceMs: 1000, serving: alone === undefined ? {} : { alone } });
    const refused = { code: "invalid-config", remedy: /queue\.driver/ };
    {
      await using _ = await open("a");
      await using again = await open("a");
      await assert.rejects(open("b"), refused);
      await assert.rejects(open(), refused);
      await using command = await openPostgres({ url });
      await command.ask("select 1");
      await again.ask("select 1");
    }
    {
      await using _ = await open();
      await using other = await open();
      await assert.rejects(open("a"), refused);
      await other.ask("select 1");
    }
    const both = await Promise.allSettled([open("a"), open("b")]);
    const opened = both.filter((one) => one.status === "fulfilled");
    assert.ok(opened.length < 2);
    for (const { value } of opened) await value.close();
    await using _ = await open("b");
  });

  test("a clock that is set back freezes nothing that a dead process held, and takes nothing from one that lives", async () => {
    const url = await server!.database();
    await using postgres = await openPostgres({ url });
    const ledger = await createPostgresLedger({ postgres, installationKey: "test" });
    const leases = await createPostgresLeases(postgres);
    const ttlMs = 500;
    const names = ["dead", "alive"] as const;
    const jobs = await Promise.all(names.map((key) => admitOne(ledger, { key })));
    const ids = jobs.map(({ job }) => job.id) as [string, string];
    const start = (index: 0 | 1, holder: string, at: number) =>
      ledger.start({ jobId: ids[index], kind: "started", at, attempt: 1 }, { holder, ttlMs });
    const fences = [(await start(0, "here", 1))!, (await start(1, "here", 1))!];
    const held = await Promise.all(names.map((name) => leases.acquire(name, "here", ttlMs)));
    // As if the clock that wrote it had stood an hour ahead.
    await postgres.ask("update leases set held_until = held_until + 3600000");
    await postgres.ask("update job_state set claimed_until = claimed_until + 3600000");
    for (const name of names) assert.equal(await leases.acquire(name, "there", ttlMs), undefined);
    for (const id of ids) {
      const ms = await ledger.claimedMs(id, "there");
      assert.ok(ms > 0 && ms <= ttlMs, `${ms}`);
    }
    // Who lives is not robbed, and renews for longer than the dead one's rest.
    assert.equal(await leases.renew("alive", held[1]!, 60_000), true);
    assert.deepEqual(await ledger.renew([{ jobId: ids[1], fence: fences[1]! }], 60_000), []);
    await eventually("what the dead one held is free", async () => (await ledger.claimedMs(ids[0], "there")) === 0);
    assert.ok((await start(0, "there", 2)) !== undefined);
    await eventually(
      "the dead one's lease is free",
      async () => (await leases.acquire("dead", "there", ttlMs)) !== undefined,
    );
    assert.equal(await leases.acquire("alive", "there", ttlMs), undefined);
    assert.ok((await ledger.claimedMs(ids[1], "there")) > 10_000);
  });

  test("a clock that is set back stops no sealing", async () => {
    const url = await server!.database();
    await using postgres = await openPostgres({ url });
    const ledger = await createPostgresLedger({ postgres, installationKey: "test" });
    const seals = await createPostgresSeals(postgres);
    await admitOne(ledger, { key: "a.jpg" });
    const future = "(extract(epoch from clock_timestamp()) * 1000)::bigint + 3600000";
    await postgres.ask(`update sealing set holder = 'dead', held_until = ${future}`);
    const stop = new AbortController();
    const running = createSealer({ seals, signer: testSigner, everyMs: 20, onProblem: assert.ifError }).run(
      stop.signal,
    );
    try {
      await eventually("it is sealed", async () => (await seals.countUnsealed()) === 0);
    } finally {
      stop.abort();
      await running;
    }
  });
});
