import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, readdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { ConfigFlags } from "../config/layers.ts";
import type { Config } from "../config.ts";
import { evaluationsIn, placesIn } from "../data-places.ts";
import { Problem } from "../errors.ts";
import { version } from "../version.ts";
import { type BackupManifest, copyExactly, filesIn, manifestName, readBackup } from "./backup-manifest.ts";
import { configFor } from "./settings.ts";

export interface BackupOptions {
  /** Uploads that are not done yet, which are originals, and results that nobody has fetched. */
  readonly uploads?: boolean;
  /** Only look whether the backup is whole. */
  readonly check?: boolean;
}

/** `veil backup`: what is worth keeping of the data folder, while veil runs or not; the last file written is the manifest. */
export async function backup(flags: ConfigFlags, folder: string, options: BackupOptions): Promise<number> {
  if (options.check) {
    const { files, takenAt } = await readBackup(folder);
    if (files.some(({ path }) => path === "veil.sqlite")) requireSound(join(folder, "veil.sqlite"));
    process.stdout.write(`${folder} is whole: ${files.length} files of ${takenAt}\n`);
    return 0;
  }
  const config = configFor(flags);
  const places = placesIn(config.dataDir);
  if (!existsSync(places.key)) {
    throw new Problem("not-found", `There is no data folder of veil's at ${config.dataDir}`, {
      remedy: "--data-dir names another data folder.",
    });
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if ((await readdir(folder)).length > 0) {
    throw new Problem("already-exists", `${folder} is not empty`, { remedy: "Name a new folder for each backup." });
  }
  await chmod(folder, 0o700);

  const isLocal = config.jobs.folder === undefined;
  const uploads = options.uploads && isLocal ? [places.inbox, places.results] : [];
  // An upload is in the ledger once it lies in the inbox, and gone from it once it is done: looked at on both sides of
  // the ledger's copy, it is missed in neither case.
  for (const place of uploads) await copyTree(place, join(folder, basename(place)), 0o600);
  await copyDatabase(places.database, join(folder, basename(places.database)));
  for (const place of uploads) await copyTree(place, join(folder, basename(place)), 0o600);
  for (const place of [places.key, places.ledgerKey, places.webhookSecret, places.mounts, places.queueName]) {
    await copyOne(place, join(folder, basename(place)));
  }
  await copyOne(join(config.dataDir, "veil.yaml"), join(folder, "veil.yaml"));
  for (const place of [places.models, evaluationsIn(config.dataDir)])
    await copyTree(place, join(folder, basename(place)));

  const files = await filesIn(folder);
  const manifest: BackupManifest = {
    schema: "veil-backup/1",
    ...{ veil: version, takenAt: new Date().toISOString(), ledger: config.ledger.driver, files },
  };
  await writeFile(join(folder, manifestName), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600, flush: true });
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  process.stdout.write(`${files.length} files, ${(bytes / 2 ** 20).toFixed(1)} MiB, in ${folder}\n`);
  for (const line of elsewhere(config, options)) process.stdout.write(`${line}\n`);
  return 0;
}

/** What is worth keeping and lies somewhere else. */
function elsewhere(
  { ledger, jobs, origins, dataKeyFile, http }: Config,
  { uploads }: BackupOptions,
): readonly string[] {
  const isOutside = Object.entries(origins).some(
    ([path, origin]) => path !== "dataDir" && (origin.startsWith("VEIL_") || origin.startsWith("--")),
  );
  return [
    ...(ledger.driver === "postgres"
      ? ["The ledger lies in PostgreSQL: pg_dump takes it, see docs/operations.md."]
      : []),
    ...(jobs.folder !== undefined ? [`Uploads and results lie in ${jobs.folder}.`] : []),
    ...(jobs.folder === undefined && !uploads
      ? ["Uploads that are not done yet are not in it; --uploads takes them."]
      : []),
    ...(dataKeyFile !== undefined
      ? [`Uploads and cached results are sealed by ${dataKeyFile} (dataKeyFile): without it nobody opens them again.`]
      : []),
    ...(http.certFile !== undefined ? [`The certificate lies in ${http.certFile}, its key in ${http.keyFile}.`] : []),
    ...(isOutside ? ["Some settings come from the environment or from flags: keep those too."] : []),
  ];
}

/** On one snapshot, with what is in the write-ahead log, whoever writes meanwhile. */
async function copyDatabase(from: string, to: string): Promise<void> {
  if (!existsSync(from)) return;
  const database = new DatabaseSync(from, { timeout: 60_000 });
  try {
    database.prepare("vacuum into ?").run(to);
  } finally {
    database.close();
  }
  await chmod(to, 0o600);
  requireSound(to);
}

/** Problem ledger-broken where SQLite finds the file damaged. */
function requireSound(path: string): void {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const [first] = database.prepare("pragma integrity_check").all() as { integrity_check: string }[];
    if (first?.integrity_check === "ok") return;
    throw new Problem("ledger-broken", `SQLite finds ${path} damaged`, { remedy: "veil ledger verify says more." });
  } finally {
    database.close();
  }
}

async function copyOne(from: string, to: string): Promise<void> {
  if (existsSync(from)) await copyFile(from, to);
}

/** What goes while it is copied is done. With `mode`, each file has those permission bits, whatever it had. */
async function copyTree(from: string, to: string, mode?: number): Promise<void> {
  if (!existsSync(from)) return;
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyTree(source, target, mode);
    else
      await copyExactly(source, target, mode).catch((error: unknown) => {
        if (existsSync(source)) throw error;
      });
  }
}
