import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { Config } from "../config.ts";
import { parseDetectors } from "../core/detector.ts";
import { placesIn } from "../data-places.ts";
import { createPool, type Pool } from "../engine/pool.ts";
import { Problem } from "../errors.ts";
import { openSpool, type Spool } from "../pipeline/spool.ts";

export interface CommandEngine extends AsyncDisposable {
  readonly pool: Pool;
  readonly spool: Spool;
  /** Aborted by Ctrl-C and by a request to stop. */
  readonly signal: AbortSignal;
}

/** Engine processes and a spool for one command, and nothing of the service's data folder but its models. */
export async function openCommandEngine({ limits, engine, detector, dataDir }: Config): Promise<CommandEngine> {
  // One root for all commands: each removes what a killed one left there.
  const spool = await openSpool(join(tmpdir(), `veil-${userInfo().username}`));
  const wanted = { detectors: parseDetectors(detector)!, models: placesIn(dataDir).models };
  const pool = createPool({ ...engine, limits, spool: spool.folder, detector: wanted });
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  return {
    pool,
    spool,
    signal: stopping.signal,
    async [Symbol.asyncDispose]() {
      process.off("SIGINT", stop);
      process.off("SIGTERM", stop);
      await pool.close();
      await spool.close();
    },
  };
}

/** Whether a folder lies there. */
export async function isFolder(path: string): Promise<boolean> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
  return info?.isDirectory() === true;
}

/** Refuses, in plain words, what is no readable file. */
export async function requireFile(path: string): Promise<void> {
  await access(path, constants.R_OK);
  if ((await stat(path)).isFile()) return;
  throw new Problem("invalid-request", `${path}: expected a picture but it is a folder`, {
    remedy: "veil mask FOLDER --out FOLDER masks a whole folder.",
  });
}
