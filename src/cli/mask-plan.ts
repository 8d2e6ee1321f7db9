import { realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { contains } from "../config/folders.ts";
import { unfinishedKind } from "../core/unfinished.ts";
import { Problem } from "../errors.ts";
import { outputKey } from "../pipeline/route.ts";
import { createFsStore, type FsStore } from "../stores/fs.ts";
import { isFolder, requireFile } from "./engine.ts";

/** One picture to mask. */
export interface Task {
  /** As a person calls it. */
  readonly label: string;
  /** What is read: real, absolute. */
  readonly path: string;
  readonly input: FsStore;
  readonly key: string;
  readonly version: string;
  /** What the output folder's manifest knows it by. */
  readonly mark: string;
  /** Its key in the output folder; beside its original it is named when its format is known. */
  readonly target: string;
}

export interface Failure {
  readonly label: string;
  readonly problem: Problem;
}

/** Everything that there is to do, and what can't be done. */
export interface Plan {
  readonly tasks: readonly Task[];
  /** Files of folders that their names say are not finished. */
  readonly skipped: number;
  readonly failures: readonly Failure[];
}

/** Looks at all inputs before any work. `out`: the folder of results; absent: each beside its original. */
export async function planMasking(inputs: readonly string[], out: string | undefined): Promise<Plan> {
  const tasks = new Map<string, Task>();
  const targets = new Map<string, string>();
  const failures: Failure[] = [];
  let skipped = 0;

  function add(task: Task): void {
    if (tasks.has(task.path)) return;
    const taken = targets.get(task.target);
    if (out !== undefined && taken !== undefined) {
      const problem = new Problem("already-exists", `${taken} has the same name among the results`, {
        remedy: "Mask one of them into another folder.",
      });
      failures.push({ label: task.label, problem });
      return;
    }
    targets.set(task.target, task.label);
    tasks.set(task.path, task);
  }

  for (const given of inputs) {
    if (await isFolder(given)) {
      if (out === undefined) {
        throw new Problem("invalid-request", `Expected --out FOLDER for the folder ${given}`);
      }
      const root = resolve(given);
      if (contains(root, out) || contains(out, root)) {
        throw new Problem("invalid-request", "Expected an --out folder apart from the pictures' folder", {
          remedy: "Choose one beside it.",
        });
      }
      const onProblem = (problem: Problem) => failures.push({ label: given, problem });
      const input = createFsStore({ name: given, root, onProblem, takesOriginals: false });
      const found = await Array.fromAsync(input.list(""));
      for (const { key, version } of found.toSorted((a, b) => (a.key < b.key ? -1 : 1))) {
        if (unfinishedKind(key) !== undefined) {
          skipped++;
          continue;
        }
        // Alone, its pictures lie in the output as they lie in it; among others it keeps its name, as `cp -r` has it.
        const alone = inputs.length === 1;
        const shown = alone ? key : `${basename(root)}/${key}`;
        const path = join(root, key);
        add({
          label: alone ? key : join(given, key),
          path,
          input,
          key,
          version,
          mark: alone ? key : path,
          target: outputKey(shown),
        });
      }
      continue;
    }
    await requireFile(given);
    const path = await realpath(given);
    const [root, key] = [dirname(path), basename(path)];
    if (out !== undefined && contains(root, out) && contains(out, root)) {
      throw new Problem("invalid-request", `Expected another --out folder than the one that ${given} lies in`, {
        remedy: "Leave --out away to have each result beside its original.",
      });
    }
    const input = createFsStore({ name: given, root });
    const version = (await input.head(key))?.version ?? "";
    add({ label: given, path, input, key, version, mark: path, target: outputKey(basename(given)) });
  }
  return { tasks: [...tasks.values()], skipped, failures };
}
