import { randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import { Problem } from "../errors.ts";
import { discard } from "./http-body.ts";
import type { ObjectInfo, PutOptions } from "./store.ts";
import { createTurns } from "./turns.ts";
import type { WebdavConnection } from "./webdav-connection.ts";
import { createWebdavFolders } from "./webdav-folders.ts";
import { type Found, isStrong, look } from "./webdav-look.ts";
import { taken } from "./webdav-problem.ts";
import type { Replacing } from "./webdav-replacing.ts";
import { upload, uploadProblem } from "./webdav-upload.ts";

export type Write = (key: string, body: Readable, options: PutOptions) => Promise<ObjectInfo>;

/**
 * Writes objects that appear at once: a new one is sent to a name of its own and moved to its place. So is one that takes
 * another's place, unless the server replaces by PUT as a whole: many of them remove the old one before they move.
 */
export function createWebdavWriter(connection: WebdavConnection, replacing: Replacing, name: string): Write {
  const folders = createWebdavFolders(connection, name);
  const turns = createTurns();

  function requireMatch(key: string, there: Found | undefined, { ifNoneMatch, ifMatch }: PutOptions): void {
    // A folder would be replaced with all that is in it.
    if (there?.kind === "folder" || (ifNoneMatch === "*" && there !== undefined)) throw taken(key, name);
    if (ifMatch !== undefined && there?.info.version !== ifMatch) throw taken(key, name);
  }

  async function writeOver(key: string, etag: string | undefined, body: Readable, options: PutOptions, what: string) {
    const beforeEnd = async () => {
      await options.beforeVisible?.();
      requireMatch(key, await look(connection, key, what), options);
    };
    const headers: Record<string, string> = options.ifMatch !== undefined && isStrong(etag) ? { "if-match": etag } : {};
    const written = await upload(connection, { ...options, path: key, body, headers, beforeEnd, what });
    if (written === 412) throw taken(key, name);
    if (typeof written === "number") throw uploadProblem(written, what);
    return written;
  }

  async function writeBeside(key: string, body: Readable, options: PutOptions, what: string): Promise<ObjectInfo> {
    const temporary = `${folderOf(key)}.veil-${randomUUID()}.part`;
    let mayBeLeft = true;
    try {
      const written = await upload(connection, { ...options, path: temporary, body, what });
      if (typeof written === "number") {
        folders.forget();
        throw uploadProblem(written, what);
      }
      await options.beforeVisible?.();
      const endTurn = await turns.take(key);
      await move(temporary, key, options, what).finally(endTurn);
      mayBeLeft = false;
    } finally {
      if (mayBeLeft) await connection.remove(temporary, what);
    }
    const moved = await look(connection, key, what);
    if (moved?.kind === "object") return moved.info;
    throw new Problem("store-unavailable", `${key} in ${name} vanished as it was written`);
  }

  async function move(temporary: string, key: string, options: PutOptions, what: string): Promise<void> {
    const isConditional = options.ifNoneMatch === "*" || options.ifMatch !== undefined;
    const destination = connection.addressOf(key).href;
    const tryMove = async (there: Found | undefined, more: Readonly<Record<string, string>>) => {
      requireMatch(key, there, options);
      const headers = { destination, overwrite: there === undefined && isConditional ? "F" : "T", ...more };
      const answer = await connection.call({ method: "MOVE", path: temporary, headers, what });
      await discard(answer);
      return answer.status;
    };
    const there = await look(connection, key, what);
    const etag = there?.kind === "object" ? there.etag : undefined;
    // What is strong now is what was there when it was looked at: the server itself refuses another one.
    const isAsked = options.ifMatch !== undefined && isStrong(etag);
    let status = await tryMove(there, isAsked ? { if: `<${destination}> ([${etag}])` } : {});
    // Some servers refuse whatever the tag is; our look has to do.
    if (status === 412 && isAsked) status = await tryMove(await look(connection, key, what), {});
    if (status === 412) throw taken(key, name);
    // A 207 says that something of it went wrong.
    if (status !== 201 && status !== 204) throw uploadProblem(status, what);
  }

  return async (key, body, options) => {
    const what = `Cannot write ${key} to ${name}`;
    const there = await look(connection, key, what);
    requireMatch(key, there, options);
    await folders.makeWay(key, what);
    if (there?.kind === "object" && (await replacing.isWhole(folderOf(key), what))) {
      return await writeOver(key, there.etag, body, options, what);
    }
    return await writeBeside(key, body, options, what);
  };
}

function folderOf(key: string): string {
  return key.slice(0, key.lastIndexOf("/") + 1);
}
