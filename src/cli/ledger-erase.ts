import type { ConfigFlags } from "../config/layers.ts";
import type { Config } from "../config.ts";
import { type DataFolderLock, lockDataFolder } from "../data-claim.ts";
import type { DataFolder } from "../data-folder.ts";
import { Problem } from "../errors.ts";
import { countErasable, type ErasureCount, erase } from "../ledger/erase.ts";
import type { ErasureScope } from "../ledger/seals.ts";
import { createTombstones } from "../ledger/tombstone.ts";
import { dateOf, openLedger, sealerFor } from "./ledger-open.ts";

/** `veil ledger erase`: says what it would erase, and with `--yes` does it. */
export async function eraseRecords(
  flags: ConfigFlags,
  options: { before?: string; path?: string; yes?: boolean },
): Promise<number> {
  const scope = scopeOf(options);
  const { data, config } = await openLedger(flags);
  await using _ = data;
  const { seals, stamp, installationKey } = data;
  if (options.yes !== true) {
    const count = await countErasable(seals, scope);
    process.stdout.write(
      `This would erase the personal values of ${inWords(count)}. --yes does it; it can't be undone.\n`,
    );
    return 0;
  }
  const sealer = await sealerFor(data, config);
  const count = await erase({ seals, sealer, scope, stamp, bury: createTombstones(installationKey) });
  process.stdout.write(`The personal values of ${inWords(count)} are erased.\n`);
  await compact(data, config);
  return 0;
}

/** Takes long for a large ledger, and would hold up whoever serves meanwhile, here or on another host. */
async function compact({ seals }: DataFolder, { dataDir }: Config): Promise<void> {
  using lock = lockUnlessServed(dataDir);
  if (lock !== undefined && (await seals.compact())) return;
  process.stdout.write(
    "Free space in the database may still hold some of it, since veil is serving: run this again once every process that serves is stopped.\n",
  );
}

function lockUnlessServed(dataDir: string): DataFolderLock | undefined {
  try {
    return lockDataFolder(dataDir);
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== "invalid-config") throw error;
    return undefined;
  }
}

function scopeOf({ before, path }: { before?: string; path?: string }): ErasureScope {
  if ((before === undefined) === (path === undefined)) {
    throw new Problem("invalid-request", "Expected either --before or --path");
  }
  return path === undefined ? { before: dateOf("--before", before!) } : { path };
}

function inWords({ jobs, notes, records }: ErasureCount): string {
  return `${jobs} ${jobs === 1 ? "job" : "jobs"} and ${notes} ${notes === 1 ? "request" : "requests"} (${records} ${records === 1 ? "record" : "records"})`;
}
