import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { dataDirFlag } from "../config/data-dir-flag.ts";
import type { ConfigFlags } from "../config/layers.ts";
import { refuseNetworkDisk } from "../data-claim.ts";
import { Problem } from "../errors.ts";
import { copyExactly, manifestName, readBackup } from "./backup-manifest.ts";
import { printable } from "./printable.ts";
import { configFor } from "./settings.ts";

/** `veil restore`: makes a data folder out of a backup that is whole; only where there is none yet. */
export async function restore(flags: ConfigFlags, folder: string): Promise<number> {
  const { files, takenAt, ledger } = await readBackup(folder);
  const config = configFor(flags);
  const { dataDir } = config;
  const there = await readdir(dataDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  if (there.length > 0) {
    throw new Problem("already-exists", `${dataDir} is not empty`, {
      remedy: "Stop veil and move the old data folder away first, or name another one: --data-dir.",
    });
  }
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await refuseNetworkDisk(dataDir);
  await chmod(dataDir, 0o700);
  try {
    // The key comes last: without it the folder is no data folder, should this be broken off.
    const key = "installation.key";
    for (const path of [...files.map((file) => file.path).filter((path) => path !== key), key]) {
      await mkdir(dirname(join(dataDir, path)), { recursive: true, mode: 0o700 });
      const isPrivate = path.startsWith("inbox/") || (!path.includes("/") && !/\.yaml$/.test(path));
      await copyExactly(join(folder, path), join(dataDir, path), isPrivate ? 0o600 : undefined);
    }
  } catch (error) {
    await rm(dataDir, { recursive: true, force: true });
    throw error;
  }
  process.stdout.write(`${files.length} files of ${takenAt} are in ${dataDir} (${manifestName} stays where it was)\n`);
  if (ledger === "postgres") process.stdout.write("The ledger comes from PostgreSQL's own backup of the same time.\n");
  for (const line of keysAgain(join(dataDir, "veil.sqlite"))) process.stdout.write(`${line}\n`);
  process.stdout.write(`Before you start veil: veil ledger verify${dataDirFlag(config)}\n`);
  return 0;
}

/** Sessions end; of keys that were revoked since the backup nobody knows any more, so all that open something are named. */
function keysAgain(path: string): readonly string[] {
  if (!existsSync(path)) return [];
  const database = new DatabaseSync(path);
  try {
    if (database.prepare("select 1 from sqlite_schema where name = 'access_keys'").get() === undefined) return [];
    database.exec("delete from access_keys where kind = 'session'");
    const live = database
      .prepare("select id, name from access_keys where revoked_at is null and (expires_at is null or expires_at > ?)")
      .all(Date.now());
    if (live.length === 0) return [];
    return [
      "These API keys open something again, also those that were revoked since the backup; veil keys revoke ID ends one:",
      ...live.map(({ id, name }) => `  ${String(id)}  ${printable(String(name))}`),
    ];
  } finally {
    database.close();
  }
}
