import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, readdir, readFile, statfs, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { placesIn } from "./data-places.ts";
import { Problem } from "./errors.ts";
import { fileSystemOf } from "./stores/fs-mount.ts";

/** Makes the data folder on first use and marks it as veil's; answers its installation key. */
export async function claimDataFolder(dataDir: string): Promise<string> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await refuseNetworkDisk(dataDir);
  await refuseForeignFolder(dataDir);
  // First of all: it marks the folder as veil's, whatever fails after it.
  return installationKeyIn(placesIn(dataDir).key);
}

/** Which file server the folder lies on; undefined: a local disk. */
export async function networkDiskOf(folder: string): Promise<string | undefined> {
  const { name, isShared } = fileSystemOf((await statfs(folder)).type);
  return isShared ? name : undefined;
}

/** Problem invalid-config where the folder lies on a file server, where SQLite's locks can't be trusted. */
export async function refuseNetworkDisk(folder: string): Promise<void> {
  const name = await networkDiskOf(folder);
  if (name === undefined) return;
  throw new Problem("invalid-config", `Expected a local disk for dataDir but ${folder} is on ${name}`, {
    remedy:
      "Put the data folder on a local disk (--data-dir); folder.input and folder.output may stay on the file server.",
  });
}

/** veil removes old files from its own folders, so it must not take somebody else's for its own. */
async function refuseForeignFolder(dataDir: string): Promise<void> {
  const names = await readdir(dataDir);
  const own = Object.values(placesIn(dataDir)).map((path) => basename(path));
  if (names.includes("installation.key")) return;
  const taken = names.filter((name) => own.includes(name));
  if (taken.length === 0) return;
  throw new Problem("invalid-config", `${dataDir} is no data folder of veil's but has ${taken.join(", ")} in it`, {
    remedy: "Choose an empty folder or a new one (--data-dir).",
  });
}

/** The one process that serves a data folder. */
export interface DataFolderLock extends Disposable {
  /** Leaves word for whoever comes second where the page is. */
  tell(address: string): void;
}

/**
 * Makes this process the only one that serves a data folder, until it ends, however it ends. The operating system
 * holds the lock, so no stale one is ever left.
 */
export function lockDataFolder(dataDir: string): DataFolderLock {
  const word = join(dataDir, "serve.address");
  const lock = new DatabaseSync(join(dataDir, "serve.lock"), { timeout: 0 });
  try {
    lock.exec("begin exclusive");
  } catch (error) {
    lock.close();
    // Whoever holds the lock has written it, or is about to.
    const address = existsSync(word) ? readFileSync(word, "utf8").trim() : "";
    throw new Problem("invalid-config", `veil is serving ${dataDir} already${address && ` at ${address}`}`, {
      remedy: "Use the one that runs, stop it first, or give this one another --data-dir.",
      cause: error,
    });
  }
  rmSync(word, { force: true });
  return {
    tell: (address) => writeFileSync(word, `${address}\n`, { mode: 0o600 }),
    [Symbol.dispose]() {
      rmSync(word, { force: true });
      lock.close();
    },
  };
}

async function installationKeyIn(path: string): Promise<string> {
  try {
    await writeFile(path, randomBytes(32).toString("hex"), { flag: "wx", mode: 0o600, flush: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return readInstallationKey(path);
}

/** Problem invalid-config for what is no such key. */
export async function readInstallationKey(path: string): Promise<string> {
  const key = await readFile(path, "utf8");
  if (!/^[0-9a-f]{64}$/.test(key)) {
    throw new Problem("invalid-config", `${path} does not hold an installation key`, {
      remedy: "Restore it from a backup; with a new key every object counts as never seen.",
    });
  }
  return key;
}
