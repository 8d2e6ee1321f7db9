import { realpath, stat } from "node:fs/promises";
import { relative, sep } from "node:path";
import { createBell } from "../bell.ts";
import { isSystemName } from "../core/system-name.ts";
import { Problem, toProblem } from "../errors.ts";
import { ownNameOf } from "./aside.ts";
import { errorCode, fsProblem } from "./fs-problem.ts";
import { watchFolders } from "./fs-watch-folders.ts";
import { isTemporary } from "./key.ts";

const maxHints = 20_000;
const checkMs = 3_000;

/** No events, but the failure of `watchTree` when the folder goes away: for shares, whose events tell half. */
export async function* watchRoot(root: string, signal: AbortSignal): AsyncGenerator<readonly string[]> {
  const check = await rootCheck(root);
  const clock = createBell();
  yield [];
  while (!signal.aborted) {
    await clock.wait(checkMs, signal);
    if (!signal.aborted) await check();
  }
}

/** Fails once the folder is another one than now. */
async function rootCheck(root: string): Promise<() => Promise<void>> {
  const top = await realpath(root);
  const { dev, ino } = await stat(top);
  return async () => {
    const now = await stat(top).catch(() => undefined);
    if (now?.dev === dev && now.ino === ino) return;
    throw new Problem("store-unavailable", `${root} is not the folder any more that was watched`);
  };
}

/**
 * The system's own events below a folder, as batches of keys; an empty batch at first and after too many at once. Fails
 * with `store-unavailable` when the folder goes away: no event tells of that, and the watcher would stay silent.
 */
export async function* watchTree(
  root: string,
  signal: AbortSignal,
  onProblem: (problem: Problem) => void,
): AsyncGenerator<readonly string[]> {
  const top = await realpath(root);
  const check = await rootCheck(root);
  const bell = createBell();
  const hints = new Set<string>();
  let lost = false;
  let told = false;

  const watch = watchFolders({
    top,
    ignores: (name) => isSystemName(name) || isTemporary(name),
    onHint(path) {
      // What lies aside is the listing's.
      if (ownNameOf(path) !== undefined) return;
      if (hints.size < maxHints) hints.add(relative(top, path).split(sep).join("/"));
      else lost = true;
      bell.ring();
    },
    onError(error, folder) {
      // Each further folder would fail alike.
      if (isLimit(error) && told) return;
      told ||= isLimit(error);
      onProblem(isLimit(error) ? limitProblem(root, error) : toProblem(fsProblem(error, `Cannot watch ${folder}`)));
    },
  });
  // What was there before all was watched is the listing's.
  const ready = watch.ready.then(() => {
    lost = true;
    bell.ring();
  });

  try {
    while (!signal.aborted) {
      if (lost) {
        lost = false;
        yield [];
      }
      const keys = [...hints];
      hints.clear();
      if (keys.length > 0) yield keys;
      if (hints.size > 0 || lost) continue;
      await bell.wait(checkMs, signal);
      if (!signal.aborted) await check();
    }
  } finally {
    watch[Symbol.dispose]();
    await ready;
  }
}

function isLimit(error: unknown): boolean {
  return errorCode(error) === "ENOSPC" || errorCode(error) === "EMFILE";
}

function limitProblem(root: string, cause: unknown): Problem {
  return new Problem("store-unavailable", `The system watches no more folders: some of ${root} are only compared`, {
    remedy: "Raise fs.inotify.max_user_watches (sysctl), or leave it: what comes there is found by reconcileMs.",
    cause,
  });
}
