import { randomUUID } from "node:crypto";
import { Problem } from "../errors.ts";
import { createAsides, ownNameOf } from "./aside.ts";
import { checkKey, isTemporary, requireSize } from "./key.ts";
import { otherVersion } from "./other-version.ts";
import { problemFor } from "./problem-for.ts";
import { createRemoveVersion, type FileSteps } from "./remove-version.ts";
import type { SftpSettings } from "./sftp-host.ts";
import { type Link, openLink } from "./sftp-link.ts";
import { moveAside, moveOver, moveToFree } from "./sftp-place.ts";
import { sftpProblem, sftpStatus, statusOf } from "./sftp-problem.ts";
import { readObject } from "./sftp-read.ts";
import { closeHandle, createTree, infoOf, removeFile, statsAt } from "./sftp-tree.ts";
import { walk } from "./sftp-walk.ts";
import { finishFile, writeBody, writeProblem } from "./sftp-write.ts";
import type { ListOptions, Store } from "./store.ts";

export interface SftpStoreOptions {
  readonly name: string;
  readonly settings: SftpSettings;
  /** The part of `settings.root` that the store is; "" is all of it. */
  readonly root: string;
  /** Told what a listing had to pass over. */
  readonly onProblem?: (problem: Problem) => void;
  readonly timeouts?: { readonly connectMs?: number; readonly idleMs?: number };
  /** Whether originals are taken away from here; absent: none ever were, and no name tells of a removal that died. */
  readonly takesOriginals?: boolean;
}

export interface SftpStore extends Store {
  sweep(olderThanMs?: number, signal?: AbortSignal): Promise<number>;
}

const dayMs = 86_400_000;

/** A folder on an SFTP server as a store; over one connection, which is made when it is needed. */
export function createSftpStore(options: SftpStoreOptions): SftpStore {
  const { name, settings, onProblem = () => {}, takesOriginals } = options;
  const { timeouts: { connectMs = 10_000, idleMs = 30_000 } = {} } = options;
  const tree = createTree(name, rootOf(settings.root, options.root));
  const removeVersion = createRemoveVersion(name);
  const asides =
    takesOriginals === undefined ? undefined : createAsides({ name, onProblem, ...(takesOriginals && { putBack }) });
  let current: Promise<Link> | undefined;
  let isClosed = false;

  async function connected(): Promise<Link> {
    if (isClosed) throw new Problem("store-unavailable", `The store ${name} is closed`);
    if (current !== undefined) return await current;
    const forget = () => {
      if (current === opening) current = undefined;
    };
    const opening: Promise<Link> = openLink({ name, settings, connectMs, idleMs, onLost: () => forget() });
    current = opening;
    opening.catch(forget);
    return await opening;
  }

  async function translated<T>(what: string, work: (link: Link) => Promise<T>): Promise<T> {
    const opened = await connected().catch((error: unknown) => {
      throw problemFor(what, error);
    });
    try {
      return await work(opened);
    } catch (error) {
      throw sftpProblem(error, what);
    }
  }

  const absent = (key: string) => new Problem("not-found", `There is no ${key} in ${name}`);
  const everything = (prefix: string, options: ListOptions = {}) =>
    walk({ ...options, tree, link: connected, prefix, onProblem });

  function stepsOver(link: Link): FileSteps {
    return {
      async versionOf(key) {
        const stats = await statsAt(link, tree.pathOf(key)).catch((error) => {
          // OpenSSH's word for a name that is too long.
          if (statusOf(error) !== sftpStatus.badMessage) throw error;
          return undefined;
        });
        return stats?.isFile() ? infoOf(key, stats).version : undefined;
      },
      moveAside: (key, aside) => moveAside(link, tree.pathOf(key), tree.pathOf(aside)),
      async moveBack(aside, key) {
        const taken = new Problem("already-exists", `There is something at ${key} in ${name} again`);
        await moveToFree(link, tree.pathOf(aside), tree.pathOf(key), taken);
      },
      remove: (key) => removeFile(link, tree.pathOf(key)),
    };
  }

  async function putBack(aside: string, own: string): Promise<void> {
    await translated(`Cannot give ${aside} in ${name} its name again`, async (link) => {
      if ((await tree.locate(link, aside))?.there?.isFile()) await stepsOver(link).moveBack(aside, own);
    });
  }

  return {
    name,

    get: (key, { version, range } = {}) =>
      translated(`Cannot read ${key} from ${name}`, async (link) => {
        const spot = await tree.locate(link, key);
        // A pipe would be opened until somebody writes into it.
        if (spot?.there?.isSymbolicLink()) {
          throw new Problem("invalid-request", `${key} in ${name} is a symbolic link; veil follows none`);
        }
        if (!spot?.there?.isFile()) throw absent(key);
        const handle = await tree.openWithin(link, spot.path, "r").catch((error) => {
          throw statusOf(error) === sftpStatus.noSuchFile ? absent(key) : error;
        });
        try {
          const info = infoOf(key, await link.ask((sftp, answer) => sftp.fstat(handle, answer)));
          if (version !== undefined && version !== info.version) throw otherVersion(key, name);
          return { info, stream: readObject(link, handle, info, { name, range }) };
        } catch (error) {
          await closeHandle(link, handle);
          throw error;
        }
      }),

    async put(key, body, { size, ifNoneMatch, ifMatch, beforeVisible, attributes }) {
      const what = `Cannot write ${key} to ${name}`;
      // It may fail before it is read.
      body.on("error", () => {});
      try {
        return await translated(what, async (link) => {
          const { path, there } = await tree.makeWay(link, key);
          const taken = new Problem("already-exists", `There is something at ${key} in ${name} already`);
          if (there !== undefined && (ifNoneMatch === "*" || !there.isFile())) throw taken;
          const requireMatch = (stats: typeof there) => {
            if (ifMatch !== undefined && (stats === undefined || infoOf(key, stats).version !== ifMatch)) throw taken;
          };
          requireMatch(there);
          const temporary = `${path.slice(0, path.lastIndexOf("/"))}/.veil-${randomUUID()}.part`;
          // Nobody else may read it before it has the mode that it is to have.
          const mode = attributes?.mode === undefined ? undefined : 0o600;
          const handle = await tree.openWithin(link, temporary, "wx", mode);
          try {
            let isOpen = true;
            try {
              const written = await writeBody(link, handle, body);
              requireSize(key, written, size);
              await finishFile(link, handle, written, attributes);
              isOpen = false;
              // Some file servers say only now that there is no room.
              await link.ask((sftp, answer) => sftp.close(handle, answer));
            } finally {
              if (isOpen) await closeHandle(link, handle);
            }
            await beforeVisible?.();
            if (ifMatch !== undefined) requireMatch(await statsAt(link, path));
            if (ifNoneMatch === "*") await moveToFree(link, temporary, path, taken);
            else await moveOver(link, temporary, path, settings.nonAtomic);
          } catch (error) {
            const problem = await writeProblem(link, tree.root, error, what);
            // Over another connection, where this one is lost.
            await connected()
              .then((other) => removeFile(other, temporary))
              .catch(() => {});
            throw problem;
          }
          const written = await statsAt(link, path);
          if (written === undefined)
            throw new Problem("store-unavailable", `${key} in ${name} vanished as it was written`);
          return infoOf(key, written);
        });
      } finally {
        body.destroy();
      }
    },

    head: (key) =>
      translated(`Cannot look at ${key} in ${name}`, async (link) => {
        const spot = await tree.locate(link, key);
        return spot?.there?.isFile() ? infoOf(key, spot.there) : undefined;
      }),

    async *list(prefix, options) {
      const folder = prefix.replace(/\/$/, "");
      const isThere = await translated(`Cannot list ${folder} in ${name}`, async (link) => {
        if (folder !== "") return (await tree.locate(link, folder))?.there?.isDirectory() ?? false;
        await tree.online(link);
        return true;
      });
      if (!isThere) return;
      const look = asides?.look(options);
      for await (const info of everything(folder === "" ? "" : `${folder}/`, options)) {
        if (info.key.split("/").some(isTemporary)) continue;
        const own = look && ownNameOf(info.key);
        if (own === undefined) yield info;
        else await look!.meet(info.key, own);
      }
      look?.end();
    },

    remove: (key, { ifMatch } = {}) =>
      translated(`Cannot remove ${key} from ${name}`, async (link) => {
        const spot = await tree.locate(link, key);
        // What is not there may lie aside.
        if (spot !== undefined && ifMatch !== undefined) await removeVersion(key, ifMatch, stepsOver(link));
        else if (spot?.there?.isFile()) await removeFile(link, spot.path);
      }),

    async sweep(olderThanMs = dayMs, signal) {
      return await translated(`Cannot sweep ${name}`, async (link) => {
        await tree.online(link);
        let removed = 0;
        for await (const { key, modifiedAt } of everything("", { signal })) {
          const isLeft = /(^|\/)\.veil-[0-9a-f-]{36}\.part$/.test(key) && modifiedAt < Date.now() - olderThanMs;
          if (!isLeft) continue;
          removed += await removeFile(link, tree.pathOf(key)).then(
            () => 1,
            () => 0,
          );
        }
        return removed;
      });
    },

    async close() {
      isClosed = true;
      const opened = await current?.catch(() => undefined);
      await opened?.close();
    },
  };
}

/** Without a slash at its end; "" and "." are the account's own folder. */
function rootOf(root: string, part: string): string {
  if (part !== "") checkKey(part);
  const own = root.replace(/(?<=.)\/+$/, "") || ".";
  if (part === "") return own;
  return own === "/" ? `/${part}` : `${own}/${part}`;
}
