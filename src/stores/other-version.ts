import { Problem } from "../errors.ts";

/** For whoever asked for one version of an object, where another one is. */
export function otherVersion(key: string, name: string): Problem {
  return new Problem("changed-while-reading", `${key} in ${name} is not the version that was announced any more`);
}
