import type { FileEntryWithStats, Stats } from "ssh2";
import { isSystemName } from "../core/system-name.ts";
import { Problem, toProblem } from "../errors.ts";
import type { Link } from "./sftp-link.ts";
import { sftpProblem, sftpStatus, statusOf } from "./sftp-problem.ts";
import { closeHandle, infoOf, statsAt, type Tree } from "./sftp-tree.ts";
import type { ListOptions, ObjectInfo } from "./store.ts";

interface Page {
  readonly folders: readonly string[];
  readonly files: readonly ObjectInfo[];
}

// Each step of each folder is a round trip.
const foldersAtOnce = 8;
const attempts = 3;

export interface WalkOptions extends ListOptions {
  readonly tree: Tree;
  readonly link: () => Promise<Link>;
  /** "", or a folder with a slash at its end. */
  readonly prefix: string;
  readonly onProblem: (problem: Problem) => void;
}

/**
 * Every regular file below a folder, streamed; symbolic links and what systems keep for themselves are passed over. A
 * folder that can't be read is told and passed over; a store out of reach ends the walk.
 */
export async function* walk(options: WalkOptions): AsyncGenerator<ObjectInfo> {
  const folders = [options.prefix];
  const running = new Map<AsyncGenerator<Page>, Promise<Step>>();
  try {
    while (true) {
      while (running.size < foldersAtOnce && folders.length > 0) {
        const pages = readFolder(options, folders.pop()!);
        running.set(pages, step(pages));
      }
      if (running.size === 0) return;
      const { pages, page, error } = await Promise.race(running.values());
      if (error !== undefined) throw error;
      if (page === undefined) {
        running.delete(pages);
        continue;
      }
      running.set(pages, step(pages));
      folders.push(...page.folders);
      yield* page.files;
    }
  } finally {
    await Promise.all(Array.from(running.keys(), (pages) => pages.return(undefined)));
  }
}

interface Step {
  readonly pages: AsyncGenerator<Page>;
  /** Undefined: it was the last one. */
  readonly page?: Page;
  readonly error?: unknown;
}

/** Never rejects: nobody may be waiting for it at that moment. */
function step(pages: AsyncGenerator<Page>): Promise<Step> {
  return pages.next().then(
    ({ done, value }) => (done ? { pages } : { pages, page: value as Page }),
    (error: unknown) => ({ pages, error }),
  );
}

async function* readFolder(options: WalkOptions, folder: string): AsyncGenerator<Page> {
  const { tree, prefix, onProblem, signal } = options;
  for (let attempt = 1; ; attempt += 1) {
    let isBegun = false;
    signal?.throwIfAborted();
    try {
      for await (const page of pagesOf(options, folder)) {
        isBegun = true;
        yield page;
      }
      return;
    } catch (error) {
      signal?.throwIfAborted();
      const status = statusOf(error);
      // What was yielded once would come a second time.
      if (status === "lost" && !isBegun && attempt < attempts) continue;
      // Another one has removed it meanwhile.
      if (status === sftpStatus.noSuchFile) return;
      const problem = toProblem(sftpProblem(error, `Cannot list ${tree.pathOf(folder.slice(0, -1))}`));
      if (problem.code !== "store-denied" || folder === prefix) throw problem;
      options.onUnknown?.(folder);
      return onProblem(problem);
    }
  }
}

async function* pagesOf({ link, tree, onProblem, signal }: WalkOptions, folder: string): AsyncGenerator<Page> {
  const opened = await link();
  const path = tree.pathOf(folder.slice(0, -1));
  const handle = await opened.ask<Buffer>((sftp, answer) => sftp.opendir(path, answer));
  try {
    while (true) {
      signal?.throwIfAborted();
      const entries = await opened
        .ask<FileEntryWithStats[]>((sftp, answer) => sftp.readdir(handle, answer))
        .catch((error) => {
          if (statusOf(error) === 1) return undefined;
          throw error;
        });
      if (entries === undefined) return;
      const found = await Promise.all(
        entries.map(async ({ filename, attrs }) => ({
          filename,
          stats: await lookAgain(opened, tree.pathOf(`${folder}${filename}`), filename, attrs, onProblem),
        })),
      );
      const known = found.filter(({ filename }) => !isSystemName(filename));
      yield {
        folders: known.filter(({ stats }) => stats?.isDirectory()).map(({ filename }) => `${folder}${filename}/`),
        files: known.flatMap(({ filename, stats }) => (stats?.isFile() ? [infoOf(`${folder}${filename}`, stats)] : [])),
      };
    }
  } finally {
    await closeHandle(opened, handle);
  }
}

/** An entry's attributes, asked for where the listing told too little; undefined: it can't be taken, which is told. */
async function lookAgain(
  link: Link,
  path: string,
  name: string,
  stats: Stats,
  onProblem: (problem: Problem) => void,
): Promise<Stats | undefined> {
  const refuse = (fault: string) =>
    onProblem(
      new Problem("invalid-request", `The name of ${JSON.stringify(path)} ${fault}, so veil can't take it: rename it`),
    );
  // No file system has such names, but a server may say what it likes.
  if (/[/\0]/.test(name) || name === "") return void refuse("is none");
  const isComplete = stats.mode !== undefined && stats.size !== undefined && stats.mtime !== undefined;
  if (isComplete && !name.includes("\uFFFD")) return stats;
  const there = await statsAt(link, path);
  // What is not UTF-8 was replaced by U+FFFD, and then nothing is found under that name.
  if (there === undefined && name.includes("\uFFFD")) refuse("is not UTF-8");
  return there;
}
