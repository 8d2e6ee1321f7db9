import { Problem } from "../errors.ts";
import { reached } from "../points.ts";
import { asideOf } from "./aside.ts";
import { otherVersion } from "./other-version.ts";

/** What a store of folders can do to a file, by its key. */
export interface FileSteps {
  /** Undefined: there is no such file, or can be none. */
  versionOf(key: string): Promise<string | undefined>;
  /** Gives a file a name that is free; false: that is refused here. */
  moveAside(key: string, aside: string): Promise<boolean>;
  /** Gives it its name again. Problem: `already-exists` where another file has that now. */
  moveBack(aside: string, key: string): Promise<void>;
  remove(key: string): Promise<void>;
}

/** Removes a file if it is that version, and is fine with none. Problem: `changed-while-reading` for another one, which stays. */
export type RemoveVersion = (key: string, version: string, steps: FileSteps) => Promise<void>;

/**
 * For stores of folders, which know no conditions: a file is given another name and looked at there before it is removed,
 * so that one which somebody has put in its place meanwhile is never removed. Should this process die in between, the
 * removal goes on when it is asked for again; what nobody asks for again gets its name back (`createAsides`).
 */
export function createRemoveVersion(name: string): RemoveVersion {
  // There are file servers that copy for a rename, which makes another version of it.
  let renamesKeepVersions = true;

  return async (key, version, steps) => {
    const { versionOf, moveAside, moveBack, remove } = steps;
    const aside = asideOf(key, version);

    /** Removes what lies aside, or gives it its name again. */
    async function end(moved: string): Promise<void> {
      if (moved === version) {
        return await remove(aside).catch(async (error: unknown) => {
          await moveBack(aside, key).catch(() => {});
          throw error;
        });
      }
      const isBack = await moveBack(aside, key).then(
        () => true,
        (error: unknown) => {
          // Something newer still: this one keeps the other name, which listings tell of.
          if (error instanceof Problem && error.code === "already-exists") return false;
          throw error;
        },
      );
      if (isBack && (await versionOf(key)) !== moved) renamesKeepVersions = false;
      throw otherVersion(key, name);
    }

    // Before anything takes its place: what the same removal has left when it died.
    const left = await versionOf(aside);
    if (left !== undefined) await end(left);
    const there = await versionOf(key);
    if (there === undefined) return;
    if (there !== version) throw otherVersion(key, name);
    if (!renamesKeepVersions || !(await moveAside(key, aside))) return await remove(key);
    reached("original-aside");
    const moved = await versionOf(aside);
    if (moved !== undefined) await end(moved);
  };
}
