import { realpath } from "node:fs/promises";
import { relative, sep } from "node:path";
import { createBell } from "../bell.ts";
import type { Problem } from "../errors.ts";
import { toProblem } from "../errors.ts";
import { fsProblem } from "./fs-problem.ts";
import { isSystemName, isTemporary } from "./key.ts";

const maxHints = 20_000;

/** The system's own events below a folder, as batches of keys; an empty batch at first and after too many at once. */
export async function* watchTree(
  root: string,
  signal: AbortSignal,
  onProblem: (problem: Problem) => void,
): AsyncGenerator<readonly string[]> {
  const { watch } = await import("chokidar");
  const top = await realpath(root);
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
      if (hints.size === 0 && !lost) await bell.wait(Number.POSITIVE_INFINITY, signal);
    }
  } finally {
    await watcher.close();
  }

  function segmentsOf(path: string): string[] {
    return relative(top, path).split(sep);
  }
}
