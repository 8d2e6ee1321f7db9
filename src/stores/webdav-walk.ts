import { Problem, toProblem } from "../errors.ts";
import { discard } from "./http-body.ts";
import { statusProblem } from "./http-problem.ts";
import { checkKey, isSystemName } from "./key.ts";
import { retryPage } from "./retry-page.ts";
import type { ObjectInfo } from "./store.ts";
import type { WebdavConnection } from "./webdav-connection.ts";
import { infoOf, propfind } from "./webdav-look.ts";
import { type DavResource, readMultistatus } from "./webdav-multistatus.ts";

// A folder of so many is read to its end before any of it is told, and read again when the connection breaks.
const readAhead = 10_000;
// Links that lead back into their own folder go on for ever.
const deepest = 100;

/**
 * Every object below a folder, folder by folder, streamed; what systems keep for themselves is passed over. What can't be
 * read or named is told and passed over; a store out of reach ends the walk, and so does a first folder that can't be read.
 */
export async function* walk(
  connection: WebdavConnection,
  first: string,
  name: string,
  onProblem: (problem: Problem) => void,
): AsyncGenerator<ObjectInfo> {
  const folders = [first];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const what = `Cannot list ${folder === "" ? "/" : folder} in ${name}`;
    try {
      let isItself = false;
      for await (const entry of folderOf(connection, folder, what)) {
        const key = keyOf(connection, folder, entry.href, what, onProblem);
        isItself ||= key === folder;
        if (key === undefined || key === folder || isSystemName(key.slice(folder.length))) continue;
        if (entry.status !== undefined && entry.status !== 200) {
          if (entry.status !== 404) onProblem(statusProblem(entry.status, `Cannot look at ${key} in ${name}`));
          continue;
        }
        if (entry.isFolder) {
          if (key.split("/").length < deepest) folders.push(`${key}/`);
          else onProblem(new Problem("invalid-request", `${what}: folders are nested more than ${deepest} deep`));
          continue;
        }
        const info = infoOf(key, entry);
        if (info !== undefined) yield info;
        else onProblem(new Problem("store-unavailable", `Cannot look at ${key} in ${name}: the server tells no size`));
      }
      // Or all of it would seem to be gone.
      if (!isItself) throw elsewhere(what, folder);
    } catch (error) {
      const problem = toProblem(error);
      if (folder === first || (problem.code !== "not-found" && problem.code !== "store-denied")) throw problem;
      // Gone meanwhile, or not for us.
      if (problem.code === "store-denied") onProblem(problem);
    }
  }
}

async function* folderOf(connection: WebdavConnection, folder: string, what: string): AsyncGenerator<DavResource> {
  const { begun, rest } = await retryPage(async () => {
    const answer = await propfind(connection, folder, 1, what);
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
  });
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
