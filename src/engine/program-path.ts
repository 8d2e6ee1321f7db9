import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Where the PATH finds a program; undefined: it is not there. */
export function programPath(name: string): string | undefined {
  for (const folder of (process.env.PATH ?? "").split(delimiter).filter(Boolean)) {
    try {
      const path = join(folder, name);
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}
