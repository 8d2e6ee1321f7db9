import { basename, join } from "node:path";
import { Problem } from "../errors.ts";
import { moveAside, moveToFree, unlinkIfThere } from "./fs-place.ts";
import { errorCode } from "./fs-problem.ts";
import { infoOf, lstatOrNothing } from "./fs-tree.ts";
import type { FileSteps } from "./remove-version.ts";

/** What can be done to the files of one folder. */
export function stepsIn(folder: string, name: string, isOnShare: () => Promise<boolean>): FileSteps {
  const pathOf = (key: string) => join(folder, basename(key));
  return {
    async versionOf(key) {
      const stats = await lstatOrNothing(pathOf(key)).catch((error) => {
        if (errorCode(error) !== "ENAMETOOLONG") throw error;
        return undefined;
      });
      return stats?.isFile() ? infoOf(key, stats).version : undefined;
    },
    moveAside: (key, aside) => moveAside(pathOf(key), pathOf(aside)),
    async moveBack(aside, key) {
      const taken = new Problem("already-exists", `There is something at ${key} in ${name} again`);
      await moveToFree(pathOf(aside), pathOf(key), taken, await isOnShare());
    },
    remove: (key) => unlinkIfThere(pathOf(key)),
  };
}
