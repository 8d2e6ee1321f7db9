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
const again = { again: true };

/** What all who share a ledger must have in common. */
export interface Installation {
  /** Which queue was in use last. */
  queue(): Promise<string | undefined>;
  noteQueue(name: string): Promise<void>;
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
    again,
  );
  await refuseOthers(postgres, installationKey);
  return {
    async queue() {
      const [row] = await postgres.ask("select queue from installation", {}, again);
      return row?.queue == null ? undefined : String(row.queue);
    },
    async noteQueue(queue) {
      await postgres.ask("update installation set queue = $queue", { queue }, again);
    },
  };
}

/** Problem `invalid-config` where the ledger is another installation's; one that is nobody's yet is not. */
export async function refuseOthers(postgres: Postgres, installationKey: string): Promise<void> {
  const [table] = await postgres.ask("select to_regclass('installation') is not null as made", {}, again);
  if (table!.made !== true) return;
  const [row] = await postgres.ask("select fingerprint from installation", {}, again);
  if (row === undefined || row.fingerprint === fingerprintOf(installationKey)) return;
  throw new Problem("invalid-config", `The ledger at ${postgres.place} belongs to another installation of veil`, {
    remedy:
      "Stop, copy installation.key and ledger.key from the data folder of one that uses this ledger into this one's, and start again; or choose another database.",
  });
}

function fingerprintOf(installationKey: string): string {
  return createHmac("sha256", installationKey).update("veil ledger").digest("hex");
}
