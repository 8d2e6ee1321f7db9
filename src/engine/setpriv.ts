import { type EngineOwner, engineOwner } from "./engine-folder.ts";
import { programPath } from "./program-path.ts";
import type { Sandbox } from "./sandbox.ts";

/** Nothing of what a process may do passes to the next one, and no program gives more. */
const nothing = ["--no-new-privs", "--inh-caps=-all", "--ambient-caps=-all"] as const;

/** A command that goes on as another user, for good; root alone may. */
export function asOwner({ uid, gid }: EngineOwner): readonly string[] {
  return ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", "--bounding-set=-all", ...nothing];
}

/** The same by setpriv, within limits, first without a network; a text says why there is none. */
export function setprivs(limited: readonly string[]): readonly Sandbox[] | string {
  if (programPath("setpriv") === undefined) return "setpriv: it is not installed (util-linux)";
  const owner = engineOwner();
  const common = { kind: "setpriv", ...(owner && { owner }) } as const;
  // Others than root get a network of their own only in a namespace of users, where they may drop capabilities too.
  const apart = owner ? ["unshare", "--net", "--ipc"] : ["unshare", "--user", "--map-current-user", "--net", "--ipc"];
  const drop = owner ? asOwner(owner) : ["setpriv", ...nothing];
  const all = owner ? drop : [...drop, "--bounding-set=-all"];
  return [
    { ...common, command: () => [...limited, ...apart, ...all] },
    { ...common, command: () => [...limited, ...drop] },
  ];
}
