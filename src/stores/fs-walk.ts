import type { BigIntStats, Dirent } from "node:fs";
import { opendir } from "node:fs/promises";
import { join } from "node:path";
import { isSystemName } from "../core/system-name.ts";
import { Problem, toProblem } from "../errors.ts";
import { errorCode, fsProblem } from "./fs-problem.ts";
import { lstatOrNothing } from "./fs-tree.ts";
import type { ListOptions } from "./store.ts";

export interface Found {
  readonly key: string;
  readonly path: string;
  readonly stats: BigIntStats;
}

export interface WalkOptions extends ListOptions {
  readonly onProblem: (problem: Problem) => void;
}

// On a network mount each look is a round trip.
const looksAtOnce = 32;

/**
 * Every regular file below a folder, streamed; symbolic links and what systems keep for themselves are passed over. A
 * folder or file that can't be read is told and passed over; a store out of reach ends the walk.
 */
export async function* walk(root: string, prefix: string, options: WalkOptions): AsyncGenerator<Found> {
  const { signal, onProblem } = options;
  const folders = [prefix];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    try {
      for await (const entries of batches(await opendir(join(root, folder), { bufferSize: looksAtOnce }))) {
        signal?.throwIfAborted();
        const known = entries.filter(({ name }) => !isSystemName(name));
        for (const { name } of known.filter((entry) => entry.isDirectory())) folders.push(`${folder}${name}/`);
        const files = known.filter((entry) => entry.isFile()).map(({ name }) => `${folder}${name}`);
        const found = await Promise.all(files.map((key) => look(root, key, options)));
        yield* found.filter((one) => one !== undefined);
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (isGone(error)) reportName(folder, onProblem);
      else if (folder === prefix) throw fsProblem(error, `Cannot list ${join(root, folder)}`);
      else report(error, `Cannot list ${join(root, folder)}`, folder, options);
    }
  }
}

async function* batches(entries: AsyncIterable<Dirent>): AsyncGenerator<readonly Dirent[]> {
  let batch: Dirent[] = [];
  for await (const entry of entries) {
    if (batch.push(entry) < looksAtOnce) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}

async function look(root: string, key: string, options: WalkOptions): Promise<Found | undefined> {
  const path = join(root, key);
  try {
    const stats = await lstatOrNothing(path);
    if (stats?.isFile()) return { key, path, stats };
    reportName(key, options.onProblem);
  } catch (error) {
    report(error, `Cannot look at ${path}`, key, options);
  }
  return undefined;
}

function isGone(error: unknown): boolean {
  return errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR";
}

/** Node replaces what is not UTF-8 by U+FFFD, and then nothing is found under that name. */
function reportName(key: string, onProblem: (problem: Problem) => void): void {
  if (!key.includes("\uFFFD")) return;
  onProblem(
    new Problem("invalid-request", `The name of ${JSON.stringify(key)} is not UTF-8, so veil can't take it: rename it`),
  );
}

function report(error: unknown, what: string, key: string, { onProblem, onUnknown }: WalkOptions): void {
  const problem = toProblem(fsProblem(error, what));
  if (problem.code !== "store-denied" && problem.code !== "invalid-request") throw problem;
  onUnknown?.(key);
  onProblem(problem);
}
