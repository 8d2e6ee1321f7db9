import { Problem } from "../errors.ts";
import { type JsonObject, valueAt, withValueAt } from "./canonical.ts";
import { commitmentsOf, leafOf, personalPaths } from "./chain.ts";
import type { Stamp } from "./ledger.ts";
import type { Sealer } from "./sealer.ts";
import type { Erasable, Erasure, ErasureScope, FoundRecord, Seals } from "./seals.ts";
import { type Bury, buried } from "./tombstone.ts";

/** What an erasure is about, or was. */
export interface ErasureCount {
  readonly jobs: number;
  readonly notes: number;
  readonly records: number;
}

export interface EraseOptions {
  readonly seals: Seals;
  readonly sealer: Pick<Sealer, "sealAll">;
  readonly scope: ErasureScope;
  readonly bury: Bury;
  readonly stamp: Stamp;
}

const pageSize = 100;

/** What `erase` would take. */
export async function countErasable(seals: Seals, scope: ErasureScope): Promise<ErasureCount> {
  const count = { jobs: 0, notes: 0, records: 0 };
  for await (const page of pagesOf(seals, scope)) add(count, page);
  return count;
}

/**
 * Erases the personal values of records and keeps the chain whole. What has not ended, or waits for a person, stays.
 * Problem `ledger-broken` where a record is not what was sealed: erasing would cover that up.
 */
export async function erase({ seals, sealer, scope, bury, stamp }: EraseOptions): Promise<ErasureCount> {
  await sealer.sealAll();
  const count = { jobs: 0, notes: 0, records: 0 };
  for await (const page of pagesOf(seals, scope)) {
    const ready = page.filter(({ isSealed }) => isSealed);
    const erasures = ready.map(
      ({ job, records }): Erasure => ({
        ...(job && { job: buried(job, bury) }),
        records: records.map(withoutPersonal),
      }),
    );
    // A path is a name of somebody itself: the note says only what kind of wish it was.
    const by: JsonObject = "before" in scope ? { before: scope.before } : { path: true };
    const records = await seals.erase(erasures, { at: Date.now(), ...by, ...(stamp as JsonObject) });
    add(count, ready);
    count.records += records - ready.reduce((sum, one) => sum + one.records.length, 0);
  }
  await sealer.sealAll();
  return count;
}

async function* pagesOf(seals: Seals, scope: ErasureScope): AsyncGenerator<readonly Erasable[]> {
  let after = "";
  while (true) {
    const page = await seals.erasable(scope, after, pageSize);
    if (page.length === 0) {
      // Behind the last job come the notes.
      if (after.startsWith("note:") || "path" in scope) return;
      after = "note:0";
      continue;
    }
    yield page;
    after = page.at(-1)!.cursor;
  }
}

function withoutPersonal(row: FoundRecord): Erasure["records"][number] {
  const { kind, seq, position, leaf, body } = row;
  const commitments = commitmentsOf({ ...row, body: body ?? {} });
  if (body === undefined || commitments === undefined || leafOf({ kind, seq, body }, commitments) !== leaf) {
    throw new Problem("ledger-broken", `Record ${position} does not say what was sealed; nothing more is erased`, {
      remedy: "veil ledger verify says what is wrong.",
    });
  }
  let rest = body;
  for (const path of personalPaths[kind]) {
    if (valueAt(rest, path) !== undefined) rest = withValueAt(rest, path, undefined);
  }
  return { kind, seq, position, body: rest, commitments };
}

function add(count: { jobs: number; notes: number; records: number }, page: readonly Erasable[]): void {
  for (const { job, records } of page) {
    if (job === undefined) count.notes += 1;
    else count.jobs += 1;
    count.records += records.length;
  }
}
