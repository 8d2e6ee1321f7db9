import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, symlink, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { Problem } from "../errors.ts";
import { reached } from "../points.ts";
import { createAsides, ownNameOf } from "./aside.ts";
import { createMountMemory, fileSystemOf, type MountMemory, mountOf } from "./fs-mount.ts";
import { createFoldedNames } from "./fs-names.ts";
import { moveToFree, replaceBy, unlinkIfThere } from "./fs-place.ts";
import { errorCode, fsProblem } from "./fs-problem.ts";
import { readFile } from "./fs-read.ts";
import { stepsIn } from "./fs-steps.ts";
import { createTree, infoOf, lstatOrNothing, syncFolder } from "./fs-tree.ts";
import { walk } from "./fs-walk.ts";
import { watchRoot, watchTree } from "./fs-watch.ts";
import { checkKey, isTemporary, requireSize } from "./key.ts";
import { otherVersion } from "./other-version.ts";
import { createRemoveVersion } from "./remove-version.ts";
import type { Attributes, Store } from "./store.ts";

export interface FsStoreOptions {
  readonly name: string;
  /** An absolute path. The store never makes it: a share that is not mounted must not be mistaken for an empty one. */
  readonly root: string;
  /** Told what a listing or a watch had to pass over. */
  readonly onProblem?: (problem: Problem) => void;
  /** Remembers what the root lay on; absent: for this process alone. */
  readonly mounts?: MountMemory;
  /** Where each put leaves word of its temporary file while there is one: `openSpool` removes what a dead process left. */
  readonly words?: string;
  /** Permission bits of what is put without any; absent: as the process has it (umask). */
  readonly mode?: number;
  /** Told whenever a watch begins: on what, and whether its own events tell of everybody's changes. */
  readonly onWatching?: (fileSystem: string, native: boolean) => void;
  /** Whether originals are taken away from here; absent: none ever were, and no name tells of a removal that died. */
  readonly takesOriginals?: boolean;
}

export interface FsStore extends Store {
  watch(signal: AbortSignal): AsyncIterable<readonly string[]>;
  sweep(olderThanMs?: number, signal?: AbortSignal): Promise<number>;
}

const dayMs = 86_400_000;

/** A folder as a store: a local disk, or an SMB or NFS share through its mount. */
export function createFsStore(options: FsStoreOptions): FsStore {
  const { name, root, onProblem = () => {}, mounts = createMountMemory(), onWatching, words } = options;
  const { takesOriginals, mode } = options;
  const tree = createTree(root, mounts);
  const names = createFoldedNames(root);
  const removeVersion = createRemoveVersion(name);
  const asides =
    takesOriginals === undefined ? undefined : createAsides({ name, onProblem, ...(takesOriginals && { putBack }) });

  async function translated<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw fsProblem(error, what);
    }
  }

  // `tree.online` has just looked.
  async function isOnShare(): Promise<boolean> {
    const { type } = mounts.recall() ?? (await mountOf(root));
    return fileSystemOf(type).isShared;
  }

  async function openObject(key: string): Promise<FileHandle> {
    const path = await tree.locate(key);
    try {
      if (path !== undefined) return await tree.openWithin(path, constants.O_RDONLY);
    } catch (error) {
      // ENXIO: a socket or a device without a driver.
      if (!["ENOENT", "ENOTDIR", "EISDIR", "ENXIO"].includes(errorCode(error) ?? "")) throw error;
    }
    throw await absent(key);
  }

  /** On a share that went away every object seems to be missing. */
  async function absent(key: string): Promise<Problem> {
    await tree.online();
    return new Problem("not-found", `There is no ${key} in ${name}`);
  }

  async function putBack(aside: string, own: string): Promise<void> {
    await translated(`Cannot give ${aside} in ${name} its name again`, async () => {
      const path = await tree.locate(aside);
      if (path === undefined) return;
      await stepsIn(dirname(path), name, isOnShare).moveBack(aside, own);
      await syncFolder(dirname(path));
    });
  }

  return {
    name,

    get: (key, { version, range } = {}) =>
      translated(`Cannot read ${key} from ${name}`, async () => {
        const handle = await openObject(key);
        try {
          const stats = await handle.stat({ bigint: true });
          if (!stats.isFile()) throw await absent(key);
          const info = infoOf(key, stats);
          if (version !== undefined && version !== info.version) throw otherVersion(key, name);
          return { info, stream: readFile(handle, info, range) };
        } catch (error) {
          await handle.close();
          throw error;
        }
      }),

    put: (key, body, { size, ifNoneMatch, ifMatch, beforeVisible, attributes }) =>
      translated(`Cannot write ${key} to ${name}`, async () => {
        let temporary: string | undefined;
        let word: string | undefined;
        try {
          const path = await tree.makeWay(key);
          const there = await lstatOrNothing(path);
          const taken = new Problem("already-exists", `There is something at ${key} in ${name} already`);
          if (there !== undefined && (ifNoneMatch === "*" || !there.isFile())) throw taken;
          const requireMatch = (stats: typeof there) => {
            if (ifMatch !== undefined && (stats === undefined || infoOf(key, stats).version !== ifMatch)) throw taken;
          };
          requireMatch(there);
          if (there === undefined && (await isOnShare())) await names.refuseTwin(key);
          temporary = join(dirname(path), `.veil-${randomUUID()}.part`);
          word = words && join(words, basename(temporary));
          if (word !== undefined) await symlink(temporary, word);
          const made = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
          const handle = await tree.openWithin(temporary, made, mode);
          requireSize(key, await writeFile(handle, body, attributes), size);
          reached("written");
          await beforeVisible?.();
          if (ifMatch !== undefined) requireMatch(await lstatOrNothing(path));
          if (ifNoneMatch === "*") await moveToFree(temporary, path, taken, await isOnShare());
          else await replaceBy(temporary, path);
          temporary = undefined;
          await syncFolder(dirname(path));
          const written = await lstatOrNothing(path);
          if (written === undefined)
            throw new Problem("store-unavailable", `${key} in ${name} vanished as it was written`);
          return infoOf(key, written);
        } finally {
          body.destroy();
          if (temporary !== undefined) await unlink(temporary).catch(() => undefined);
          if (word !== undefined) await unlink(word).catch(() => undefined);
        }
      }),

    head: (key) =>
      translated(`Cannot look at ${key} in ${name}`, async () => {
        const path = await tree.locate(key);
        const stats = path === undefined ? undefined : await lstatOrNothing(path);
        if (stats?.isFile()) return infoOf(key, stats);
        await tree.online();
        return undefined;
      }),

    async *list(prefix, options) {
      await tree.online();
      const folder = prefix.replace(/\/$/, "");
      if (folder !== "") checkKey(folder);
      const look = asides?.look(options);
      for await (const { key, stats } of walk(root, folder === "" ? "" : `${folder}/`, { ...options, onProblem })) {
        if (key.split("/").some(isTemporary)) continue;
        const own = look && ownNameOf(key);
        if (own === undefined) yield infoOf(key, stats);
        else await look!.meet(key, own);
      }
      look?.end();
    },

    remove: (key, { ifMatch } = {}) =>
      translated(`Cannot remove ${key} from ${name}`, async () => {
        const path = await tree.locate(key);
        const stats = path === undefined ? undefined : await lstatOrNothing(path);
        const isThere = stats?.isFile() ?? false;
        if (!isThere) await tree.online();
        // What is not there may lie aside.
        if (path === undefined || (!isThere && ifMatch === undefined)) return;
        names.forget();
        await (ifMatch === undefined
          ? unlinkIfThere(path)
          : removeVersion(key, ifMatch, stepsIn(dirname(path), name, isOnShare)));
        await syncFolder(dirname(path));
      }),

    async *watch(signal) {
      await tree.online();
      const { name: fileSystem, isShared } = fileSystemOf((await mountOf(root)).type);
      onWatching?.(fileSystem, !isShared);
      yield* isShared ? watchRoot(root, signal) : watchTree(root, signal, onProblem);
    },

    async sweep(olderThanMs = dayMs, signal) {
      await tree.online();
      let removed = 0;
      for await (const { path, stats } of walk(root, "", { signal, onProblem })) {
        const isLeft = /\/\.veil-[0-9a-f-]{36}\.part$/.test(path) && Number(stats.mtimeMs) < Date.now() - olderThanMs;
        if (isLeft)
          removed += await unlink(path).then(
            () => 1,
            () => 0,
          );
      }
      return removed;
    },

    async close() {},
  };
}

/** Answers how many bytes there were. */
async function writeFile(handle: FileHandle, body: Readable, attributes: Attributes = {}): Promise<number> {
  const { mode, owner, modifiedAt } = attributes;
  let size = 0;
  try {
    for await (const chunk of body) {
      const bytes = Buffer.from(chunk);
      size += bytes.length;
      for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten;
    }
    // Giving a file away may clear bits of its mode; writing to it changes its time.
    if (owner !== undefined) await handle.chown(owner.uid, owner.gid);
    if (mode !== undefined) await handle.chmod(mode);
    if (modifiedAt !== undefined) await handle.utimes(new Date(), new Date(modifiedAt));
    await handle.sync();
    return size;
  } finally {
    await handle.close();
  }
}
