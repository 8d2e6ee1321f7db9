import { link, open, rename, unlink } from "node:fs/promises";
import type { Problem } from "../errors.ts";
import { errorCode } from "./fs-problem.ts";
import { lstatOrNothing } from "./fs-tree.ts";

// File systems without hard links (exFAT, some network mounts) say so in one of these ways; rclone's mount by EIO.
const noLinks = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EIO"]);
// Who may remove may not always make new names, and some names are too long for one more.
const noRename = new Set(["EACCES", "EPERM", "ENAMETOOLONG", "EINVAL", "ENOTSUP", "ENOSYS"]);

/** Moves a whole file to a name that nothing has. */
export async function moveToFree(temporary: string, path: string, taken: Problem, isShare: boolean): Promise<void> {
  try {
    await link(temporary, path);
    await unlinkIfThere(temporary);
  } catch (error) {
    if (errorCode(error) === "EEXIST") throw taken;
    if (!noLinks.has(errorCode(error) ?? "")) throw error;
    if (isShare) {
      // An empty file in its place would be written by some mounts after it was replaced, or removed with what replaced it.
      if ((await lstatOrNothing(path)) !== undefined) throw taken;
      return await rename(temporary, path).catch((renaming) => {
        throw errorCode(renaming) === "EEXIST" ? taken : renaming;
      });
    }
    // Without links: take the name with an empty file first, then put the whole one over it.
    const placeholder = await open(path, "wx").catch((taking) => {
      throw errorCode(taking) === "EEXIST" ? taken : taking;
    });
    await placeholder.close();
    await replaceBy(temporary, path);
  }
}

/** One that is not there is no failure. */
export async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch((error) => {
    if (errorCode(error) !== "ENOENT") throw error;
  });
}

/** Moves a whole file to its name, over what is there. */
export async function replaceBy(temporary: string, path: string): Promise<void> {
  await rename(temporary, path).catch(async (error) => {
    // SMB has a rename that replaces nothing, and rclone's mount uses it for what it does not know to be there.
    if (errorCode(error) !== "EEXIST") throw error;
    await unlink(path);
    await rename(temporary, path);
  });
}

/** Gives a file another name, which nothing has; false: that is refused. One that is not there is no failure. */
export async function moveAside(path: string, aside: string): Promise<boolean> {
  try {
    await rename(path, aside);
    return true;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return true;
    if (noRename.has(errorCode(error) ?? "")) return false;
    throw error;
  }
}
