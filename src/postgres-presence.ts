import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { PoolClient } from "pg";
import { Problem } from "./errors.ts";

/** How a process that serves shows itself to all others over the same database. */
export interface Serving {
  /** Its own name, where what it takes in can be worked by nobody else. Absent: it shares the work with others. */
  readonly alone?: string;
}

/** Constants of veil's own among advisory locks. */
const rewriting = 7_310_528_003;
const sharing = 7_310_528;

/**
 * Locks of the session, so that every connection that a serving process can write with shows it, and none outlasts it.
 * Problems: `ledger-unavailable` while tables are written anew; `invalid-config` where others serve and one of them, or
 * this one, is to be alone.
 */
export async function showServing(client: PoolClient, { alone }: Serving, place: string): Promise<void> {
  const whose = alone === undefined ? 0 : createHash("sha256").update(alone).digest().readInt32BE();
  const { rows } = await client.query(
    "select pg_try_advisory_lock_shared($1) as mine, pg_advisory_lock_shared($2, $3)",
    [rewriting, sharing, whose],
  );
  if (rows[0].mine !== true) {
    throw new Problem("ledger-unavailable", `The ledger at ${place} is being written anew, without what was erased`, {
      remedy: "veil ledger erase is at it; start again once it has ended.",
    });
  }
  // Whoever shows itself first and looks then is seen by, or sees, whoever comes at the same time.
  const isApart = await soon(async () => {
    const { rows: strangers } = await client.query(
      `select 1 from pg_locks where locktype = 'advisory' and classid = $1 and objsubid = 2 and objid <> $2::integer::oid
         and granted and database = (select oid from pg_database where datname = current_database()) limit 1`,
      [sharing, whose],
    );
    return strangers.length === 0;
  });
  if (isApart) return;
  const [detail, remedy] =
    alone === undefined
      ? [
          `Another process works over the ledger at ${place} with the built-in queue, which no other one reaches`,
          "Stop it, or give it queue.driver rabbitmq or kafka too.",
        ]
      : [
          `Other processes work over the ledger at ${place}, which the built-in queue does not reach`,
          "Set queue.driver to rabbitmq or kafka, the same for all of them, or stop the others. A host that has lost its power is forgotten after a minute.",
        ];
  throw new Problem("invalid-config", detail, { remedy });
}

/** Does what would make those who serve wait for long. False, and nothing done: some process serves, or is at it too. */
export async function whileNobodyServes(client: PoolClient, work: () => Promise<void>): Promise<boolean> {
  const isMine = await soon(async () => {
    const { rows } = await client.query("select pg_try_advisory_lock($1) as mine", [rewriting]);
    return rows[0].mine === true;
  });
  if (!isMine) return false;
  try {
    await work();
  } finally {
    // A connection that is lost has given it back; of any other error the first one counts.
    await client.query("select pg_advisory_unlock($1)", [rewriting]).catch(() => {});
  }
  return true;
}

/** The server takes a moment to notice that a process has gone. */
async function soon(look: () => Promise<boolean>): Promise<boolean> {
  const until = performance.now() + 2000;
  for (let found = await look(); ; found = await look()) {
    if (found || performance.now() > until) return found;
    await sleep(100);
  }
}
