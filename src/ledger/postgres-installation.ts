import { createHmac } from "node:crypto";
import { Problem } from "../errors.ts";
import type { Postgres } from "../postgres.ts";

const tables = [
  `create table installation (
     one integer primary key check (one = 1),
     fingerprint text not null,
     queue text
   )`,
];

/** What all who share a ledger must have in common. */
export interface Installation {
  /** Notes which queue is in use now; answers whether another one was before. */
  meetQueue(name: string): Promise<boolean>;
}

/**
 * Notes whose ledger this is at its first use. Problem `invalid-config` for another installation's: it would know no
 * object again and give every job another id.
 */
export async function openInstallation(postgres: Postgres, installationKey: string): Promise<Installation> {
  await postgres.migrate("installation", tables);
  const fingerprint = fingerprintOf(installationKey);
  await postgres.ask(
    "insert into installation (one, fingerprint) values (1, $fingerprint) on conflict do nothing",
    { fingerprint },
    { again: true },
  );
  await refuseOthers(postgres, installationKey);
  return {
    async meetQueue(name) {
      const rows = await postgres.ask(
        `update installation now set queue = $name from installation before
          where now.queue is distinct from $name returning before.queue`,
        { name },
      );
      return rows.length > 0 && rows[0]!.queue !== null;
    },
  };
}

/** Problem `invalid-config` where the ledger is another installation's; one that is nobody's yet is not. */
export async function refuseOthers(postgres: Postgres, installationKey: string): Promise<void> {
  const [table] = await postgres.ask("select to_regclass('installation') is not null as made", {}, { again: true });
  if (table!.made !== true) return;
  const [row] = await postgres.ask("select fingerprint from installation", {}, { again: true });
  if (row === undefined || row.fingerprint === fingerprintOf(installationKey)) return;
  throw new Problem("invalid-config", `The ledger at ${postgres.place} belongs to another installation of veil`, {
    remedy:
      "Stop, copy installation.key and ledger.key from the data folder of one that uses this ledger into this one's, and start again; or choose another database.",
  });
}

function fingerprintOf(installationKey: string): string {
  return createHmac("sha256", installationKey).update("veil ledger").digest("hex");
}
