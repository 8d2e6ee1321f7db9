import { isSystemName } from "../core/system-name.ts";
import { Problem, toProblem } from "../errors.ts";
import { discard } from "./http-body.ts";
import { statusProblem } from "./http-problem.ts";
import { checkKey } from "./key.ts";
import { type RetryPageOptions, retryPage } from "./retry-page.ts";
import type { ListOptions, ObjectInfo } from "./store.ts";
import type { WebdavConnection } from "./webdav-connection.ts";
import { infoOf, propfind, requireRoot } from "./webdav-look.ts";
import { type DavResource, readMultistatus } from "./webdav-multistatus.ts";

// A folder of so many is read to its end before any of it is told, and read again when the connection breaks.
const readAhead = 10_000;
// Links that lead back into their own folder go on for ever.
const deepest = 100;

// A server that fails at more folders is itself in trouble, and asked again later; after a few it is not asked twice.
const mostTroubled = 20;
const fewTroubled = 2;

export interface WalkOptions extends ListOptions {
  /** The store's, for people. */
  readonly name: string;
  readonly onProblem: (problem: Problem) => void;
}

/**
 * Every object below a folder, folder by folder, streamed; what systems keep for themselves is passed over. What can't be
 * read or named is told and passed over, and so is a folder at which the server fails while the root is there; a store out
 * of reach ends the walk, and so does a first folder that can't be read.
 */
export async function* walk(
  connection: WebdavConnection,
  first: string,
  options: WalkOptions,
): AsyncGenerator<ObjectInfo> {
  const { name, signal, onProblem, onUnknown } = options;
  let troubled = 0;
  const folders = [first];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const what = `Cannot list ${folder === "" ? "/" : folder} in ${name}`;
    const asking = troubled < fewTroubled ? {} : { restsMs: [] };
    try {
      let isItself = false;
      for await (const entry of folderOf(connection, folder, what, { signal, ...asking })) {
        const key = keyOf(connection, folder, entry.href, what, onProblem);
        isItself ||= key === folder;
        if (key === undefined || key === folder || isSystemName(key.slice(folder.length))) continue;
        if (entry.status !== undefined && entry.status !== 200) {
          if (entry.status === 404) continue;
          onUnknown?.(key);
          onProblem(statusProblem(entry.status, `Cannot look at ${key} in ${name}`));
          continue;
        }
        if (entry.isFolder) {
          if (key.split("/").length < deepest) folders.push(`${key}/`);
          else onProblem(new Problem("invalid-request", `${what}: folders are nested more than ${deepest} deep`));
          continue;
        }
        const info = infoOf(key, entry);
        if (info !== undefined) {
          yield info;
          continue;
        }
        onUnknown?.(key);
        onProblem(new Problem("store-unavailable", `Cannot look at ${key} in ${name}: the server tells no size`));
      }
      // Or all of it would seem to be gone.
      if (!isItself) throw elsewhere(what, folder);
    } catch (error) {
      signal?.throwIfAborted();
      const problem = toProblem(error);
      if (folder === first || !["not-found", "store-denied", "store-unavailable"].includes(problem.code)) throw problem;
      // Gone meanwhile.
      if (problem.code === "not-found") continue;
      if (problem.code === "store-unavailable") {
        troubled += 1;
        if (troubled > mostTroubled) throw problem;
        await requireRoot(connection, what);
      }
      onUnknown?.(folder);
      onProblem(problem);
    }
  }
}

async function* folderOf(
  connection: WebdavConnection,
  folder: string,
  what: string,
  options: RetryPageOptions,
): AsyncGenerator<DavResource> {
  const ask = async () => {
    const answer = await propfind(connection, folder, 1, what, options.signal);
    if (answer.status !== 207) {
      await discard(answer);
      throw statusProblem(answer.status, what);
    }
    const entries = readMultistatus(answer.body, what);
    const begun: DavResource[] = [];
    while (begun.length < readAhead) {
      const next = await entries.next();
      if (next.done) return { begun, rest: undefined };
      begun.push(next.value);
    }
    return { begun, rest: entries };
  };
  const { begun, rest } = await retryPage(ask, options);
  try {
    yield* begun;
    if (rest !== undefined) yield* rest;
  } finally {
    await rest?.return(undefined);
  }
}

/** The folder's own key for itself, undefined for what has none. */
function keyOf(
  { rootPath }: WebdavConnection,
  folder: string,
  href: string,
  what: string,
  onProblem: (problem: Problem) => void,
): string | undefined {
  try {
    // As it came: URL would take `..` and `%2e` out of it.
    const path = decodeURIComponent(href.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/]*/i, "").replace(/\/$/, ""));
    const parent = `${decodeURIComponent(rootPath)}${folder}`;
    if (`${path}/` === parent) return folder;
    const name = path.slice(parent.length);
    if (!path.startsWith(parent) || name.includes("/")) {
      onProblem(elsewhere(what, path));
      return undefined;
    }
    checkKey(`${folder}${name}`);
    return `${folder}${name}`;
  } catch (error) {
    if (error instanceof Problem) onProblem(error);
    else
      onProblem(new Problem("invalid-request", `${what}: the name of ${JSON.stringify(href)} is not UTF-8: rename it`));
    return undefined;
  }
}

function elsewhere(what: string, path: string): Problem {
  return new Problem("store-unavailable", `${what}: the server tells of other places (${JSON.stringify(path)})`, {
    remedy: "Set url to the address by which the server knows itself, not one that a proxy rewrites.",
  });
}
