import { randomBytes } from "node:crypto";
import { Problem } from "../errors.ts";
import { otherVersion } from "./other-version.ts";

/** What a store of folders can do to a file, by its key. */
export interface FileSteps {
  /** Undefined: there is no such file. */
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
 * so that one which somebody has put in its place meanwhile is never removed. Whoever lists sees that name: should this
 * process die in between, the file is an object like any other, and not lost.
 */
export function createRemoveVersion(name: string): RemoveVersion {
  // There are file servers that copy for a rename, which makes another version of it.
  let renamesKeepVersions = true;

  return async (key, version, steps) => {
    const { versionOf, moveAside, moveBack, remove } = steps;
    const there = await versionOf(key);
    if (there === undefined) return;
    if (there !== version) throw otherVersion(key, name);
    const aside = asideOf(key);
    if (!renamesKeepVersions || !(await moveAside(key, aside))) return await remove(key);
    const moved = await versionOf(aside);
    if (moved === undefined) return;
    if (moved === version) {
      return await remove(aside).catch(async (error: unknown) => {
        await moveBack(aside, key).catch(() => {});
        throw error;
      });
    }
    const isBack = await moveBack(aside, key).then(
      () => true,
      (error: unknown) => {
        // Something newer still: this one keeps the other name, and is taken by that.
        if (error instanceof Problem && error.code === "already-exists") return false;
        throw error;
      },
    );
    if (isBack && (await versionOf(key)) !== moved) renamesKeepVersions = false;
    throw otherVersion(key, name);
  };
}

/** With its ending, by which routes choose what they take. */
function asideOf(key: string): string {
  const [, start = key, ending = ""] = /^(.*[^/])(\.[^./]+)$/s.exec(key) ?? [];
  return `${start}~removing-${randomBytes(4).toString("hex")}${ending}`;
}
