import { discard } from "./http-body.ts";
import { statusProblem } from "./http-problem.ts";
import type { WebdavConnection } from "./webdav-connection.ts";
import { look, requireRoot } from "./webdav-look.ts";
import { taken } from "./webdav-problem.ts";

/** Makes the folders that an object is to lie in, and remembers which are there. */
export interface WebdavFolders {
  /** Problem: `already-exists` where an object has a folder's name, `store-unavailable` where the root is away. */
  makeWay(key: string, what: string): Promise<void>;
  /** Somebody may have removed some. */
  forget(): void;
}

const mostKnown = 10_000;

export function createWebdavFolders(connection: WebdavConnection, name: string): WebdavFolders {
  const known = new Set<string>();

  async function make(folder: string, what: string): Promise<void> {
    if (folder === "") return await requireRoot(connection, what);
    if (known.has(folder)) return;
    if ((await mkcol(folder, what)) === 409) {
      await make(parentOf(folder), what);
      const status = await mkcol(folder, what);
      if (status === 409) throw statusProblem(status, what);
    }
    if (known.size >= mostKnown) known.clear();
    known.add(folder);
  }

  async function mkcol(folder: string, what: string): Promise<number> {
    const answer = await connection.call({ method: "MKCOL", path: `${folder}/`, what });
    await discard(answer);
    const { status } = answer;
    if (status === 201 || status === 409 || status === 404) return status === 404 ? 409 : status;
    // There is something already, or an object lies in the way; servers differ in what they answer.
    const there = await look(connection, `${folder}/`, what);
    if (there?.kind === "folder") return 201;
    const other = there ?? (await look(connection, folder, what));
    // Somebody else has made it meanwhile.
    if (other?.kind === "folder") return 201;
    throw other === undefined ? statusProblem(status, what) : taken(folder, name);
  }

  return {
    makeWay: (key, what) => make(parentOf(key), what),
    forget: () => known.clear(),
  };
}

function parentOf(key: string): string {
  return key.slice(0, Math.max(0, key.lastIndexOf("/")));
}
