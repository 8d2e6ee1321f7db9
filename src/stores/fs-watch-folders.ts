import { type BigIntStats, type FSWatcher, watch } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "./fs-problem.ts";
import { lstatOrNothing } from "./fs-tree.ts";

export interface FolderWatchOptions {
  /** A real path. */
  readonly top: string;
  /** Whether a name is passed over, with all below it. */
  readonly ignores: (name: string) => boolean;
  /** Told of each path at which something came or changed that is no folder. */
  readonly onHint: (path: string) => void;
  /** Told why some folder is not watched. */
  readonly onError: (error: unknown, folder: string) => void;
}

export interface FolderWatch extends Disposable {
  /** Everything that is there now is watched. */
  readonly ready: Promise<void>;
}

/** Elsewhere the system itself watches a whole tree. */
const isOneByOne = process.platform === "linux";

/**
 * Watches a tree with one watch a folder and none a file, so that it costs memory for folders alone. Links are not
 * followed.
 */
export function watchFolders({ top, ignores, onHint, onError }: FolderWatchOptions): FolderWatch {
  const watches = new Map<string, { readonly watching: FSWatcher; readonly identity: string }>();
  let closed = false;

  function begin(folder: string, identity: string): void {
    end(folder);
    const watching = watch(folder, { recursive: !isOneByOne }, (kind, name) => {
      // Without a name something happened somewhere: the comparison finds it.
      if (name === null || name.split(/[\\/]/).some(ignores)) return;
      const path = join(folder, name);
      if (kind === "rename") void met(path);
      else if (!watches.has(path)) onHint(path);
    });
    watching.on("error", (error) => {
      onError(error, folder);
      if (watches.get(folder)?.watching === watching) end(folder);
    });
    watches.set(folder, { watching, identity });
  }

  function end(folder: string): void {
    watches.get(folder)?.watching.close();
    watches.delete(folder);
  }

  /** A name came or went: a folder that came is watched, one that went is not any more, anything else is told. */
  async function met(path: string): Promise<void> {
    try {
      const stats = await lstatOrNothing(path);
      if (closed) return;
      const before = watches.get(path)?.identity;
      // A watch goes along with its folder: another one of that name is not watched.
      if (before !== undefined && before === (stats && identityOf(stats))) return;
      if (before !== undefined) leave(path);
      if (stats?.isDirectory()) return await enter(path, onHint);
      if (stats !== undefined) onHint(path);
    } catch (error) {
      onError(error, path);
    }
  }

  /** What was moved away took those below it along. */
  function leave(folder: string): void {
    for (const one of [...watches.keys()]) if (one === folder || one.startsWith(`${folder}/`)) end(one);
  }

  /** Watches a folder before it looks into it, so that nothing comes unseen between the two. */
  async function enter(folder: string, onFile: (path: string) => void): Promise<void> {
    const folders = [folder];
    for (let next = folders.pop(); next !== undefined && !closed; next = folders.pop()) {
      try {
        if (isOneByOne || next === top) {
          const stats = await lstatOrNothing(next);
          if (stats === undefined || closed) continue;
          begin(next, identityOf(stats));
        }
        for (const entry of await readdir(next, { withFileTypes: true })) {
          if (ignores(entry.name)) continue;
          if (entry.isDirectory()) folders.push(join(next, entry.name));
          else onFile(join(next, entry.name));
        }
      } catch (error) {
        if (errorCode(error) !== "ENOENT" && errorCode(error) !== "ENOTDIR") onError(error, next);
        end(next);
      }
    }
  }

  const nothing = () => {};
  return {
    ready: enter(top, nothing),
    [Symbol.dispose]() {
      closed = true;
      for (const folder of [...watches.keys()]) end(folder);
    },
  };
}

/** A number of a file system's is given again to whatever is made next. */
function identityOf({ dev, ino, birthtimeNs }: BigIntStats): string {
  return `${dev} ${ino} ${birthtimeNs}`;
}
