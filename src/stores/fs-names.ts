import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Problem } from "../errors.ts";
import { errorCode } from "./fs-problem.ts";

/** Names below a root, on a file server that may take two of them for one. */
export interface FoldedNames {
  /**
   * Refuses with `already-exists` where a key differs from what is there by case or normalisation form alone: some
   * mounts show nothing under the one name, and write over the other.
   */
  refuseTwin(key: string): Promise<void>;
  /** What is known of a folder's names is looked up again. */
  forget(): void;
}

interface Known {
  readonly names: Map<string, string>;
  readonly until: number;
}

const leastMs = 2_000;
// A folder of many files takes long to list: it is listed the more rarely.
const restsPerListing = 20;
const maxFolders = 1_000;

export function createFoldedNames(root: string): FoldedNames {
  const known = new Map<string, Known>();

  async function namesIn(folder: string): Promise<Map<string, string>> {
    const before = known.get(folder);
    const began = performance.now();
    if (before !== undefined && began < before.until) return before.names;
    const names = await readdir(join(root, folder)).catch((error: unknown) => {
      if (errorCode(error) === "ENOENT") return [];
      throw error;
    });
    const folded = new Map(names.map((name) => [fold(name), name]));
    if (known.size >= maxFolders) known.clear();
    const now = performance.now();
    known.set(folder, { names: folded, until: now + Math.max(leastMs, (now - began) * restsPerListing) });
    return folded;
  }

  return {
    async refuseTwin(key) {
      const way: string[] = [];
      for (const name of key.split("/")) {
        const names = await namesIn(way.join("/"));
        const there = names.get(fold(name));
        if (there !== undefined && there !== name) {
          throw new Problem(
            "already-exists",
            `${JSON.stringify(there)} is there, which differs from ${JSON.stringify(name)} only by case or form`,
            {
              remedy: "Rename one of the two originals.",
            },
          );
        }
        // Ours from now on, for the next one that asks.
        names.set(fold(name), name);
        way.push(name);
      }
    },
    forget: () => known.clear(),
  };
}

/** What case-insensitive file systems compare; German sharp s and the like fold as SMB servers do it: not at all. */
function fold(name: string): string {
  return name.normalize("NFC").toLowerCase();
}
