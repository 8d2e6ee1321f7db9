import { randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import { Problem } from "../errors.ts";
import { type Connection, type FtpSettings, openConnection } from "./ftp-connect.ts";
import { infoOf, look } from "./ftp-facts.ts";
import { createTurns, move, removeFile } from "./ftp-place.ts";
import { createPool, type LendOptions } from "./ftp-pool.ts";
import { ftpProblem, refusal, statusOf } from "./ftp-problem.ts";
import { readObject } from "./ftp-read.ts";
import { createTimes } from "./ftp-times.ts";
import { upload } from "./ftp-transfer.ts";
import { createTree } from "./ftp-tree.ts";
import { walk } from "./ftp-walk.ts";
import { checkKey, isTemporary, requireSize } from "./key.ts";
import { otherVersion } from "./other-version.ts";
import { problemFor } from "./problem-for.ts";
import type { Attributes, ListOptions, Store } from "./store.ts";

export interface FtpStoreOptions {
  readonly name: string;
  readonly settings: FtpSettings;
  /** The part of `settings.root` that the store is; "" is all of it. */
  readonly root: string;
  /** Told what a listing had to pass over. */
  readonly onProblem?: (problem: Problem) => void;
  readonly timeouts?: { readonly connectMs?: number; readonly idleMs?: number };
}

/**
 * A store whose `ifNoneMatch` and `ifMatch` are looks right before the rename: FTP has no rename that replaces nothing.
 * Of two processes that put at the same free key at once, both may win, one after the other.
 */
export interface FtpStore extends Store {
  sweep(olderThanMs?: number, signal?: AbortSignal): Promise<number>;
}

const dayMs = 86_400_000;
const keepMs = 20_000;

/** A folder on an FTP server as a store; over a few connections, made when they are needed. */
export function createFtpStore(options: FtpStoreOptions): FtpStore {
  const { name, settings, onProblem = () => {}, timeouts: { connectMs = 10_000, idleMs = 30_000 } = {} } = options;
  if (options.root !== "") checkKey(options.root);
  const tree = createTree(name, options.root === "" ? settings.root : `${settings.root}/${options.root}`);
  const pool = createPool({
    name,
    open: () => openConnection({ name, settings, connectMs, idleMs }),
    most: settings.connections,
    keepMs,
    waitMs: idleMs * 10,
  });
  const times = createTimes();
  const inTurn = createTurns();

  async function translated<T>(
    what: string,
    work: (connection: Connection) => Promise<T>,
    options?: LendOptions,
  ): Promise<T> {
    let isConnected = false;
    const connected = (connection: Connection) => {
      isConnected = true;
      return work(connection);
    };
    return await pool.lend(connected, options).catch((error) => {
      throw isConnected ? ftpProblem(error, what) : problemFor(what, error);
    });
  }

  const everything = (prefix: string, options: ListOptions = {}) =>
    walk({ ...options, name, tree, pool, times, prefix, onProblem });

  /** The whole body, under a name that no listing shows. */
  async function writeTemporary(connection: Connection, path: string, body: Readable, attributes: Attributes = {}) {
    try {
      const written = await upload(connection, path, body);
      const { modifiedAt } = attributes;
      if (modifiedAt !== undefined && connection.features.has("MFMT")) {
        const time = new Date(modifiedAt).toISOString().replace(/\D/g, "").slice(0, 14);
        const timed = await connection.send(`MFMT ${time} ${path}`);
        if (timed.code >= 400) throw refusal(timed, path);
      }
      const kept = (await look(connection, path))?.size;
      if (kept === written) return written;
      throw new Problem(
        "store-unavailable",
        `The server of ${name} keeps ${kept} of the ${written} bytes that it was sent`,
      );
    } catch (error) {
      const remove = (other: Connection) => removeFile(other, path);
      // One more connection, where this one is lost: a refused upload may end so.
      await (statusOf(error) === "lost" ? pool.lend(remove) : remove(connection)).catch(() => {});
      throw error;
    }
  }

  return {
    name,

    async get(key, { version, range } = {}) {
      tree.check(key);
      const info = await translated(`Cannot read ${key} from ${name}`, async (connection) => {
        const facts = await look(connection, tree.pathOf(connection, key));
        if (facts?.kind === "file") return infoOf(key, facts);
        await tree.online(connection);
        throw new Problem("not-found", `There is no ${key} in ${name}`);
      });
      if (version !== undefined && version !== info.version) throw otherVersion(key, name);
      return { info, stream: readObject(pool, (connection) => tree.pathOf(connection, key), info, { name, range }) };
    },

    async put(key, body, { size, ifNoneMatch, ifMatch, beforeVisible, attributes }) {
      const what = `Cannot write ${key} to ${name}`;
      // It may fail before it is read.
      body.on("error", () => {});
      const taken = new Problem("already-exists", `There is something at ${key} in ${name} already`);
      async function requireFree(connection: Connection): Promise<void> {
        if (ifNoneMatch === undefined && ifMatch === undefined) return;
        const there = await look(connection, tree.pathOf(connection, key));
        if (ifNoneMatch === "*" && there !== undefined) throw taken;
        if (ifMatch !== undefined && (there === undefined || infoOf(key, there).version !== ifMatch)) throw taken;
      }
      try {
        tree.check(key);
        const folder = key.slice(0, key.lastIndexOf("/") + 1);
        const temporary = `${folder}.veil-${randomUUID()}.part`;
        const write = async (connection: Connection) => {
          await tree.makeWay(connection, key);
          await requireFree(connection);
          const written = await writeTemporary(connection, tree.pathOf(connection, temporary), body, attributes);
          if (size === undefined || size === written) return;
          await removeFile(connection, tree.pathOf(connection, temporary));
          requireSize(key, written, size);
        };
        await translated(what, write, { carries: "in" });
        try {
          // Asked while no connection is held: it may read this very store.
          await beforeVisible?.();
          return await inTurn(key, () =>
            translated(what, async (connection) => {
              const [from, to] = [temporary, key].map((one) => tree.pathOf(connection, one)) as [string, string];
              await requireFree(connection);
              await move(connection, from, to, taken, ifNoneMatch === undefined);
              const facts = await look(connection, to);
              if (facts?.kind === "file") return infoOf(key, facts);
              throw new Problem("store-unavailable", `${key} in ${name} vanished as it was written`);
            }),
          );
        } catch (error) {
          const remove = (connection: Connection) => removeFile(connection, tree.pathOf(connection, temporary));
          await pool.lend(remove).catch(() => {});
          throw error;
        }
      } finally {
        body.destroy();
      }
    },

    async head(key) {
      tree.check(key);
      return await translated(`Cannot look at ${key} in ${name}`, async (connection) => {
        const facts = await look(connection, tree.pathOf(connection, key));
        if (facts?.kind === "file") return infoOf(key, facts);
        await tree.online(connection);
        return undefined;
      });
    },

    async *list(prefix, options) {
      const folder = prefix.replace(/\/$/, "");
      if (folder !== "") tree.check(folder);
      for await (const info of everything(folder === "" ? "" : `${folder}/`, options)) {
        if (!info.key.split("/").some(isTemporary)) yield info;
      }
    },

    async remove(key, { ifMatch } = {}) {
      tree.check(key);
      await translated(`Cannot remove ${key} from ${name}`, async (connection) => {
        const facts = await look(connection, tree.pathOf(connection, key));
        const isOther = facts?.kind === "file" && ifMatch !== undefined && infoOf(key, facts).version !== ifMatch;
        if (isOther) throw otherVersion(key, name);
        if (facts?.kind === "file") await removeFile(connection, tree.pathOf(connection, key));
        else await tree.online(connection);
      });
    },

    async sweep(olderThanMs = dayMs, signal) {
      let removed = 0;
      for await (const { key, modifiedAt } of everything("", { signal })) {
        const isLeft = /(^|\/)\.veil-[0-9a-f-]{36}\.part$/.test(key) && modifiedAt < Date.now() - olderThanMs;
        if (!isLeft) continue;
        removed += await pool
          .lend((connection) => removeFile(connection, tree.pathOf(connection, key)))
          .then(
            () => 1,
            () => 0,
          );
      }
      return removed;
    },

    close: () => pool.close(),
  };
}
