import { Problem } from "../errors.ts";
import { discard } from "./http-body.ts";
import type { HttpTimeouts } from "./http-client.ts";
import { statusProblem } from "./http-problem.ts";
import { checkKey, isTemporary } from "./key.ts";
import { otherVersion } from "./other-version.ts";
import type { ListOptions, ObjectInfo, Store } from "./store.ts";
import { createWebdavConnection, type WebdavSettings } from "./webdav-connection.ts";
import { isStrong, look, requireRoot } from "./webdav-look.ts";
import { readObject } from "./webdav-read.ts";
import { createReplacing } from "./webdav-replacing.ts";
import { walk } from "./webdav-walk.ts";
import { createWebdavWriter } from "./webdav-write.ts";

export interface WebdavStoreOptions {
  readonly name: string;
  readonly settings: WebdavSettings;
  /** A folder below the address, "" for all of it; never made. */
  readonly root: string;
  /** Told what a listing had to pass over. */
  readonly onProblem?: (problem: Problem) => void;
  readonly timeouts?: HttpTimeouts;
}

const dayMs = 86_400_000;
const temporaryPattern = /(^|\/)\.veil-[0-9a-f-]{36}\.part$/;

/** A folder of a WebDAV server as a store. */
export function createWebdavStore(options: WebdavStoreOptions): Store {
  const { name, settings, root, onProblem = () => {}, timeouts = {} } = options;
  const connection = createWebdavConnection(settings, root, timeouts);
  const replacing = createReplacing(connection);
  const write = createWebdavWriter(connection, replacing, name);

  async function* everything(prefix: string, options: ListOptions = {}): AsyncGenerator<ObjectInfo> {
    const folder = prefix.replace(/\/$/, "");
    if (folder !== "") checkKey(folder);
    const what = `Cannot list ${name}`;
    await requireRoot(connection, what);
    try {
      yield* walk(connection, folder === "" ? "" : `${folder}/`, { ...options, name, onProblem });
    } catch (error) {
      if (!(error instanceof Problem && error.code === "not-found")) throw error;
      await requireRoot(connection, what);
    }
  }

  return {
    name,

    async get(key, options = {}) {
      checkKey(key);
      return await readObject(connection, name, key, options);
    },

    async put(key, body, options) {
      try {
        checkKey(key);
        return await write(key, body, options);
      } finally {
        body.destroy();
      }
    },

    async head(key) {
      checkKey(key);
      const what = `Cannot look at ${key} in ${name}`;
      const found = await look(connection, key, what);
      if (found?.kind === "object") return found.info;
      await requireRoot(connection, what);
      return undefined;
    },

    async *list(prefix, options) {
      for await (const info of everything(prefix, options)) if (!info.key.split("/").some(isTemporary)) yield info;
    },

    async remove(key, { ifMatch } = {}) {
      checkKey(key);
      const what = `Cannot remove ${key} from ${name}`;
      const tryRemove = async (headers: Readonly<Record<string, string>>) => {
        const answer = await connection.call({ method: "DELETE", path: key, headers, what });
        await discard(answer);
        return answer.status;
      };
      const lookFirst = async () => {
        const there = await look(connection, key, what);
        // A folder would be removed with all that is in it.
        if (there?.kind !== "object") return await requireRoot(connection, what);
        if (ifMatch !== undefined && there.info.version !== ifMatch) throw otherVersion(key, name);
        return there;
      };
      const there = await lookFirst();
      if (there === undefined) return;
      const isAsked = ifMatch !== undefined && isStrong(there.etag);
      let status = await tryRemove(isAsked ? { "if-match": there.etag! } : {});
      // Some servers refuse whatever the tag is; our look has to do.
      if (status === 412 && isAsked && (await lookFirst())) status = await tryRemove({});
      if (![200, 204, 404].includes(status)) throw statusProblem(status, what);
    },

    async sweep(olderThanMs = dayMs, signal) {
      let removed = 0;
      for await (const { key, modifiedAt } of everything("", { signal })) {
        const isLeft = temporaryPattern.test(key) && modifiedAt < Date.now() - olderThanMs;
        if (isLeft && (await connection.remove(key, `Cannot remove ${key} from ${name}`))) removed += 1;
      }
      return removed;
    },

    async close() {
      connection.close();
    },
  };
}
