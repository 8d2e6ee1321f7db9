import { isSystemName } from "../core/system-name.ts";
import { Problem, toProblem } from "../errors.ts";
import type { Connection } from "./ftp-connect.ts";
import { enter, type Facts, infoOf, listedFacts, look } from "./ftp-facts.ts";
import type { Pool } from "./ftp-pool.ts";
import { ftpProblem, statusOf } from "./ftp-problem.ts";
import type { Times } from "./ftp-times.ts";
import type { Tree } from "./ftp-tree.ts";
import { checkKey, isTemporary } from "./key.ts";
import type { ListOptions, ObjectInfo } from "./store.ts";

export interface WalkOptions extends ListOptions {
  readonly name: string;
  readonly tree: Tree;
  readonly pool: Pool;
  readonly times: Times;
  /** "", or a folder with a slash at its end. */
  readonly prefix: string;
  readonly onProblem: (problem: Problem) => void;
}

const attempts = 3;

/**
 * Every regular file below a folder, one folder after the other; links and what systems keep for themselves are passed
 * over. A folder that can't be read is told and passed over; a store out of reach ends the walk.
 */
export async function* walk(options: WalkOptions): AsyncGenerator<ObjectInfo> {
  const { name, pool, prefix, onProblem, signal } = options;
  const folders = [prefix];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const what = `Cannot list ${folder || "/"} in ${name}`;
    for (let attempt = 1; ; attempt += 1) {
      const here = folder;
      signal?.throwIfAborted();
      try {
        const found = await pool.lend((connection) => readFolder(options, connection, here));
        folders.push(...found.folders);
        yield* found.files;
      } catch (error) {
        signal?.throwIfAborted();
        // Nothing of it was yielded.
        if (statusOf(error) === "lost" && attempt < attempts) continue;
        const problem = toProblem(ftpProblem(error, what));
        if (problem.code !== "store-denied" || folder === prefix) throw problem;
        options.onUnknown?.(folder);
        onProblem(problem);
      }
      break;
    }
  }
}

/** A folder's files and folders, whose names end with a slash. */
async function readFolder(options: WalkOptions, connection: Connection, folder: string) {
  const { name, tree, prefix, onProblem } = options;
  const path = tree.pathOf(connection, folder.slice(0, -1));
  const found: { readonly folders: string[]; readonly files: ObjectInfo[] } = { folders: [], files: [] };
  if (!(await enter(connection, path))) {
    if (folder === prefix) {
      await tree.online(connection);
    } else {
      options.onUnknown?.(folder);
      onProblem(
        new Problem(
          "store-denied",
          `${JSON.stringify(folder)} in ${name} is listed and can't be entered: it was removed, is closed to the account, or its name can't be said in FTP`,
          { remedy: "Open or rename it if it is still there: what lies in it is not taken." },
        ),
      );
    }
    return found;
  }
  const { entries, unread } = await connection.list();
  if (unread.length > 0) {
    onProblem(
      new Problem(
        "invalid-request",
        `${unread.length} lines of the listing of ${path} in ${name} can't be read, such as ${JSON.stringify(unread[0])}`,
      ),
    );
  }
  for (const entry of entries) {
    // A large folder takes long where the server tells no times in its listing.
    options.signal?.throwIfAborted();
    const key = `${folder}${entry.name}`;
    if (isSystemName(entry.name) || entry.name === "") continue;
    const kind = listedFacts(entry)?.kind ?? "file";
    if (kind === "other") continue;
    if (kind === "folder") {
      found.folders.push(`${key}/`);
      continue;
    }
    const listed = entry.modifiedAt === undefined ? undefined : listedFacts(entry);
    const isSure = listed !== undefined && !entry.name.includes("\uFFFD");
    const facts = isSure ? listed : await options.times.ask(key, entry, () => lookAt(connection, tree, key));
    if (facts?.kind === "file") found.files.push(infoOf(key, facts));
    // Its own are renamed while others look.
    else if (facts === undefined && !isTemporary(entry.name)) {
      onProblem(
        new Problem(
          "invalid-request",
          `${JSON.stringify(key)} in ${name} is listed and not found: it was removed, or its name can't be said in FTP`,
          { remedy: "Rename it if it is still there." },
        ),
      );
    }
  }
  return found;
}

async function lookAt(connection: Connection, tree: Tree, key: string): Promise<Facts | undefined> {
  checkKey(key);
  return await look(connection, tree.pathOf(connection, key));
}
