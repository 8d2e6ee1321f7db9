import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";

/** That a masked file was made: from which version of which picture, and what it then was. */
export interface Finished {
  readonly key: string;
  readonly version: string;
  /** Policy and detector that made it. */
  readonly recipe: string;
  /** Where it lies, and its version there. */
  readonly output: string;
  readonly outputVersion: string;
  readonly regions: number;
}

export interface Manifest {
  of(key: string): Finished | undefined;
  add(finished: Finished): Promise<void>;
}

/**
 * What `veil mask FOLDER` has done, one JSON line a picture in the output folder: it goes on from there, and never
 * takes a file for masked that it did not write itself.
 */
export async function openManifest(folder: string): Promise<Manifest> {
  const path = join(folder, ".veil-manifest.jsonl");
  const byKey = new Map<string, Finished>();
  const remember = (finished: Finished) => byKey.set(finished.key, finished);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  for (const line of text.split("\n")) {
    const finished = parse(line);
    if (finished !== undefined) remember(finished);
  }
  // A line that a crash cut off must not swallow the next one.
  if (text !== "" && !text.endsWith("\n")) await appendFile(path, "\n");
  return {
    of: (key) => byKey.get(key),
    async add(finished) {
      remember(finished);
      await appendFile(path, `${JSON.stringify(finished)}\n`);
    },
  };
}

function parse(line: string): Finished | undefined {
  try {
    return line === "" ? undefined : JSON.parse(line);
  } catch (error) {
    // A cut line counts as not done: the picture is masked again.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
