import { realpath, stat } from "node:fs/promises";
import { relative, sep } from "node:path";
import { createBell } from "../bell.ts";
import { Problem, toProblem } from "../errors.ts";
import { fsProblem } from "./fs-problem.ts";
import { isSystemName, isTemporary } from "./key.ts";

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
  const { watch } = await import("chokidar");
  const top = await realpath(root);
  const check = await rootCheck(root);
  const bell = createBell();
  const hints = new Set<string>();
  let lost = false;

  const watcher = watch(top, {
    ignoreInitial: true,
    followSymlinks: false,
    // Settling is the source's work: it looks again until nothing changes.
    atomic: false,
    ignored: (path) => segmentsOf(path).some((name) => isSystemName(name) || isTemporary(name)),
  });
  const hint = (path: string) => {
    if (hints.size < maxHints) hints.add(segmentsOf(path).join("/"));
    else lost = true;
    bell.ring();
  };
  // What was there before the watcher was ready is the listing's.
  const ready = () => {
    lost = true;
    bell.ring();
  };
  watcher.on("add", hint).on("change", hint).on("ready", ready);
  watcher.on("error", (error) => onProblem(toProblem(fsProblem(error, `Cannot watch all of ${root}`))));

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
    await watcher.close();
  }

  function segmentsOf(path: string): string[] {
    return relative(top, path).split(sep);
  }
}
