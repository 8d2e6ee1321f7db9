import type { IsolationChoice } from "../core/isolation.ts";
import { bubblewraps } from "./bubblewrap.ts";
import type { Sandbox } from "./sandbox.ts";
import { setprivs } from "./setpriv.ts";

/** The ways that a choice allows, the tightest first, and what of them is not even installed. */
export interface Sandboxes {
  readonly list: readonly Sandbox[];
  readonly absent: readonly string[];
}

const none: Sandbox = { kind: "none", name: "none", hasOwner: false, command: () => [] };

/** What may be tried for a choice, with the size that the largest file may have, bytes. */
export function sandboxesFor(choice: IsolationChoice, maxFileBytes: number): Sandboxes {
  if (choice === "none") return { list: [none], absent: [] };
  const ways = { bubblewrap: bubblewraps, setpriv: setprivs };
  const list: Sandbox[] = [];
  const absent: string[] = [];
  for (const kind of ["bubblewrap", "setpriv"] as const) {
    if (choice !== "auto" && choice !== "required" && choice !== kind) continue;
    const found = process.platform === "linux" ? ways[kind](limited(maxFileBytes)) : `${kind}: it is for Linux alone`;
    if (typeof found === "string") absent.push(found);
    else list.push(...found);
  }
  return { list: choice === "auto" ? [...list, none] : list, absent };
}

/** A crash must not leave a picture's pixels in a core file, and a file that is removed while it grows is seen by nobody. */
function limited(maxFileBytes: number): readonly string[] {
  return ["prlimit", "--core=0", `--fsize=${maxFileBytes}`];
}
