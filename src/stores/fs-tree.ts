import type { BigIntStats } from "node:fs";
import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readlink, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { Problem } from "../errors.ts";
import { isUnmounted, type MountMemory, mountOf } from "./fs-mount.ts";
import { errorCode, fsProblem } from "./fs-problem.ts";
import { checkKey, isTemporary } from "./key.ts";
import type { ObjectInfo } from "./store.ts";

/** A folder and what lies below it, never beyond: symbolic links below the root are not followed. */
export interface Tree {
  /** Refuses with `store-unavailable` while the root is missing or its share is not mounted. */
  online(): Promise<void>;
  /** The path for a key, once every folder on the way is a real one. Undefined: there is no such folder. */
  locate(key: string): Promise<string | undefined>;
  /** The same, but makes missing folders. */
  makeWay(key: string): Promise<string>;
  /** Opens a regular file, and refuses if it turns out to lie outside. One that is made has these permission bits. */
  openWithin(path: string, flags: number, mode?: number): Promise<FileHandle>;
}

export function createTree(root: string, memory: MountMemory): Tree {
  // The root's real path with a slash, once known; looked up again when it does not fit.
  let top = "\0";

  async function online(): Promise<void> {
    try {
      if (!(await stat(root)).isDirectory()) throw new Problem("store-unavailable", `${root} is not a folder`);
      // An unmounted share leaves an empty folder behind, which must not pass for an empty store.
      const [before, now] = [memory.recall(), await mountOf(root)];
      if (before !== undefined && isUnmounted(before, now)) {
        throw new Problem("store-unavailable", `Nothing is mounted at ${before.point} any more, where ${root} lay`, {
          remedy: "Mount it again. If the folder is to stay on this disk: veil routes moved FOLDER",
        });
      }
      if (before?.point !== now.point || before.type !== now.type) await memory.remember(now);
    } catch (error) {
      if (errorCode(error) === "EACCES") throw fsProblem(error, `Cannot look into ${root}`);
      if (error instanceof Problem) throw error;
      throw new Problem("store-unavailable", `The folder ${root} cannot be reached: ${errorCode(error)}`, {
        remedy: "Mount it or make it again, or correct its path in the configuration.",
        cause: error,
      });
    }
  }

  async function descend(key: string, missing: (folder: string) => Promise<boolean>): Promise<string | undefined> {
    checkKey(key);
    const segments = key.split("/");
    if (segments.some(isTemporary)) {
      throw new Problem(
        "invalid-request",
        `Expected a key without a .veil- segment but received ${JSON.stringify(key)}`,
      );
    }
    if (process.platform === "win32" && /[\\:]/.test(key)) {
      throw new Problem(
        "invalid-request",
        `Expected a key without \\ or : on Windows but received ${JSON.stringify(key)}`,
      );
    }
    let folder = root;
    for (const segment of segments.slice(0, -1)) {
      folder = join(folder, segment);
      const found = await lstatOrNothing(folder);
      if (found === undefined && !(await missing(folder))) return undefined;
      if (found?.isSymbolicLink())
        throw new Problem("invalid-request", `${folder} is a symbolic link; veil follows none`);
      if (found !== undefined && !found.isDirectory()) return undefined;
    }
    return join(folder, segments.at(-1)!);
  }

  return {
    online,

    locate: (key) => descend(key, async () => false),

    async makeWay(key) {
      await online();
      const path = await descend(key, async (folder) => {
        await mkdir(folder).catch((error) => {
          if (errorCode(error) !== "EEXIST") throw error;
        });
        await syncFolder(join(folder, ".."));
        return true;
      });
      if (path === undefined)
        throw new Problem("already-exists", `A file stands where a folder of ${key} would have to be`);
      return path;
    },

    async openWithin(path, flags, mode) {
      const handle = await open(path, flags | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0), mode);
      try {
        // Somebody may have put a link in a folder's place since it was looked at.
        if (process.platform === "linux") {
          const opened = await readlink(`/proc/self/fd/${handle.fd}`);
          if (!opened.startsWith(top)) top = join(await realpath(root), "/");
          if (!opened.startsWith(top)) throw new Problem("invalid-request", `${path} lies outside ${root}`);
        }
        return handle;
      } catch (error) {
        await handle.close();
        throw error;
      }
    },
  };
}

/** What lies at a path, not following a link; undefined: nothing. */
export async function lstatOrNothing(path: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Makes new names in a folder durable, where the file system knows how. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r").catch(() => undefined);
  // Network file systems and Windows refuse to sync folders; they have no better way to offer.
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

/** Not the inode: network mounts hand out another one after each remount. */
export function infoOf(key: string, { size, mtimeNs, mtimeMs, ctimeMs }: BigIntStats): ObjectInfo {
  const times = { modifiedAt: Number(mtimeMs), changedAt: Number(ctimeMs) };
  return { key, version: `${size}-${mtimeNs}`, size: Number(size), ...times };
}
