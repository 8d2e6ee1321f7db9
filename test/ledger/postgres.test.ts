import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { createPostgresLedger } from "../../src/ledger/postgres.ts";
import { createPostgresAnnouncements } from "../../src/ledger/postgres-announcements.ts";
import { createPostgresKeys } from "../../src/ledger/postgres-keys.ts";
import { createPostgresLeases } from "../../src/ledger/postgres-leases.ts";
import { createPostgresPauses } from "../../src/ledger/postgres-pauses.ts";
import { wordOf } from "../../src/ledger/postgres-records.ts";
import { createPostgresSeals } from "../../src/ledger/postgres-seals.ts";
import { openPostgres } from "../../src/postgres.ts";
import { announcementsContract } from "../contracts/announcements.ts";
import { keysContract } from "../contracts/keys.ts";
import { leasesContract } from "../contracts/leases.ts";
import { type DurableLedgerUnderTest, durableLedgerContract, ledgerContract } from "../contracts/ledger.ts";
import { ledgerClaimsContract } from "../contracts/ledger-claims.ts";
import { publishedContract } from "../contracts/ledger-published.ts";
import { ledgerRegionsContract } from "../contracts/ledger-regions.ts";
import { sealsContract } from "../contracts/ledger-seals.ts";
import { testLedgerStats } from "../contracts/ledger-stats.ts";
import { ledgerVersionsContract } from "../contracts/ledger-versions.ts";
import { pausesContract } from "../contracts/pauses.ts";
import { startPostgres, withoutPostgres } from "../fixtures/postgres-server.ts";

const server = withoutPostgres === false ? await startPostgres() : undefined;
after(() => server?.[Symbol.asyncDispose]());

let shared: string | undefined;

/** One database for all that may share one: making another takes longer than most tests. */
async function open() {
  const isFirst = shared === undefined;
  shared ??= await server!.database();
  const postgres = await openPostgres({ url: shared });
  const ledger = await createPostgresLedger({ postgres, installationKey: "test" });
  const seals = await createPostgresSeals(postgres);
  const leases = await createPostgresLeases(postgres);
  const pauses = await createPostgresPauses(postgres);
  const announcements = await createPostgresAnnouncements(postgres);
  const keys = await createPostgresKeys(postgres);
  if (!isFirst) {
    const tables =
      "jobs, events, regions, notes, erasures, job_state, job_counts, seals, tree, heads, head_keys, digests, leases, pauses, announcements, access_keys";
    await postgres.ask(`truncate ${tables} restart identity; update sealing set holder = null, held_until = 0`);
  }
  return { postgres, ledger, seals, leases, pauses, announcements, keys, [Symbol.asyncDispose]: postgres.close };
}

async function openShared(): Promise<DurableLedgerUnderTest> {
  const url = await server!.database();
  const closers: (() => Promise<unknown>)[] = [];

  async function client() {
    const postgres = await openPostgres({ url });
    closers.push(postgres.close);
    return createPostgresLedger({ postgres, installationKey: "test" });
  }

  return {
    ledger: await client(),
    another: client,
    write: () => fork(join(import.meta.dirname, "postgres-writer.ts"), [url]),
    async [Symbol.asyncDispose]() {
      for (const close of closers) await close();
    },
  };
}

describe("over a server", { skip: withoutPostgres }, () => {
  ledgerContract("postgres", open);
  ledgerVersionsContract("postgres", open);
  durableLedgerContract("postgres", openShared);
  sealsContract("postgres", open);
  ledgerRegionsContract("postgres", open);
  publishedContract("postgres", open);
  ledgerClaimsContract("postgres", open);
  leasesContract("postgres", open);
  pausesContract("postgres", open);
  keysContract("postgres", open);
  announcementsContract("postgres", open);
  testLedgerStats(open);
});

test("a pattern means to PostgreSQL what it means to SQLite", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["plain.jpg", "plain.jpg"],
    ["trip/*", "^trip/.*$"],
    ["?.jpg", "^.\\.jpg$"],
    ["a[0-9]b", "^a[0-9]b$"],
    ["a[^]x]*", "^a[^]x].*$"],
    ["(a|b)+*", "^\\(a\\|b\\)\\+.*$"],
    ["[unclosed*", "^\\[unclosed.*$"],
  ];
  for (const [pattern, word] of cases) assert.equal(wordOf(pattern), word);
});
