import { createHmac } from "node:crypto";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "./config.ts";
import { placesIn } from "./data-places.ts";
import { Problem } from "./errors.ts";

/** Where uploads and their results lie. */
export interface UploadFolders {
  readonly inbox: string;
  readonly results: string;
}

const markName = "veil-jobs.mark";
/** Another host may be about to write it. */
const markMs = 2000;

/**
 * Makes them on first use, but never `jobs.folder` itself: that may be a share. Whether an empty one that is there is a
 * share's mount point without its share, nothing tells. What lies in them is removed after a while: those of `jobs.folder`
 * must be this installation's, and nobody else's to read.
 */
export async function readyUploads(
  { dataDir, jobs }: Pick<Config, "dataDir" | "jobs">,
  installationKey: string,
): Promise<UploadFolders> {
  const { inbox, results } = placesIn(jobs.folder ?? dataDir);
  const folders = [inbox, results];
  if (jobs.folder !== undefined) await claim(jobs.folder, folders, installationKey);
  for (const folder of folders) {
    await mkdir(folder, { mode: 0o700 }).catch((error) => {
      if (error.code !== "EEXIST") throw unusable(`make ${folder}`, error);
    });
    if (jobs.folder !== undefined) await refuseOpen(folder);
  }
  return { inbox, results };
}

/** Marks the folder as this installation's. */
async function claim(folder: string, parts: readonly string[], installationKey: string): Promise<void> {
  const mark = join(folder, markName);
  const mine = createHmac("sha256", installationKey).update("veil jobs folder").digest("hex");
  let found = await markIn(mark);
  if (found === undefined) {
    const taken = await namesIn(parts);
    found = await markIn(mark);
    if (found === undefined && taken.length > 0) {
      throw new Problem("invalid-config", `jobs.folder ${folder} is not veil's, but has ${taken.join(", ")} in it`, {
        remedy: "What lies there would be removed after a while: choose an empty folder, or a new one.",
      });
    }
  }
  if (found === undefined) {
    await writeFile(mark, `${mine}\n`, { flag: "wx", mode: 0o600, flush: true }).catch((error) => {
      if (error.code !== "EEXIST") throw unusable(`write ${mark}`, error);
    });
    found = await markIn(mark);
  }
  if (found === mine) return;
  throw new Problem("invalid-config", `jobs.folder ${folder} belongs to another installation of veil`, {
    remedy: `Choose another folder, or copy installation.key from a data folder of the one that uses it. Where none does any more, empty the folder and remove ${mark}.`,
  });
}

async function markIn(path: string): Promise<string | undefined> {
  const until = performance.now() + markMs;
  for (;;) {
    const text = await readFile(path, "utf8").catch((error) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
      throw unusable(`read ${path}`, error);
    });
    if (text === undefined || text.endsWith("\n") || performance.now() > until) return text?.trim();
    await sleep(50);
  }
}

async function namesIn(folders: readonly string[]): Promise<readonly string[]> {
  const names: string[] = [];
  for (const folder of folders) {
    const some = await readdir(folder).catch((error) => {
      if (error.code === "ENOENT") return [];
      throw unusable(`read ${folder}`, error);
    });
    names.push(...some.slice(0, 3).map((name) => join(folder, name)));
  }
  return names;
}

/** Uploads are originals, under whatever rights the share gives. */
async function refuseOpen(folder: string): Promise<void> {
  // Windows knows no such modes.
  if (process.platform === "win32") return;
  const { mode } = await stat(folder);
  if ((mode & 0o077) === 0) return;
  const detail = `Others may enter ${folder} (jobs.folder), where originals lie: its mode is ${(mode & 0o777).toString(8)}`;
  throw new Problem("invalid-config", detail, {
    remedy: `chmod 700 ${folder}; on a share whose mount sets the modes, mount it with dir_mode=0700.`,
  });
}

function unusable(verb: string, cause: NodeJS.ErrnoException): Problem {
  return new Problem("invalid-config", `Cannot ${verb} (jobs.folder): ${cause.code}`, {
    remedy: "Make the folder, or mount the share that it lies on, and let veil's user write to it.",
    cause,
  });
}
