import { execFile } from "node:child_process";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { temporaryDataDir } from "./program.ts";

const run = promisify(execFile);

/** A small disk of its own, that can be filled. */
export interface SmallDisk extends AsyncDisposable {
  readonly root: string;
  /** Leaves no byte free for so long. */
  fill(forMs: number): Promise<void>;
}

/** Mounts one; where that may not be, the reason. */
export async function mountSmallDisk(): Promise<SmallDisk | string> {
  const root = await temporaryDataDir();
  try {
    await run("mount", ["-t", "tmpfs", "-o", "size=160m", "none", root]);
  } catch (error) {
    await rm(root, { recursive: true });
    return `not run: no right to mount here (${(error as Error).message.trim()})`;
  }
  return {
    root,
    async fill(forMs) {
      const filler = join(root, "filler");
      const file = await open(filler, "w");
      try {
        for (const piece of [Buffer.alloc(2 ** 20), Buffer.alloc(4096)]) {
          while (await file.write(piece).then(({ bytesWritten }) => bytesWritten === piece.length, isFull));
        }
        await sleep(forMs);
      } finally {
        await file.close();
        await rm(filler);
      }
    },
    async [Symbol.asyncDispose]() {
      await run("umount", [root]);
      await rm(root, { recursive: true });
    },
  };
}

function isFull(error: NodeJS.ErrnoException): false {
  if (error.code !== "ENOSPC") throw error;
  return false;
}
