import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { createPostgresLedger } from "../../src/ledger/postgres.ts";
import { openPostgres } from "../../src/postgres.ts";
import { admitOne } from "../contracts/ledger.ts";
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
});
