import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { erase } from "../../src/ledger/erase.ts";
import { createPostgresLedger } from "../../src/ledger/postgres.ts";
import { createPostgresSeals } from "../../src/ledger/postgres-seals.ts";
import { createTombstones } from "../../src/ledger/tombstone.ts";
import { openPostgres } from "../../src/postgres.ts";
import { admitOne } from "../contracts/ledger.ts";
import { sealerOf } from "../contracts/ledger-seals.ts";
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
      await postgres.maintain("checkpoint");
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
    await seals.compact();
    assert.deepEqual(await found(), []);
  });
});
