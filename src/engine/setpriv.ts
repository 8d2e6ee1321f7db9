import { statSync } from "node:fs";
import { join } from "node:path";
import { callFilter } from "./call-filter.ts";
import { type EngineOwner, hasOwners } from "./engine-owner.ts";
import { programPath } from "./program-path.ts";
import { readablePaths } from "./readable-paths.ts";
import { filterIn, type Sandbox, type SandboxPlace } from "./sandbox.ts";

/** Nothing of what a process may do passes to the next one, and no program gives more. */
const nothing = ["--no-new-privs", "--inh-caps=-all", "--ambient-caps=-all"] as const;

/** A command that goes on as another user, for good; root alone may. */
export function asOwner({ uid, gid }: EngineOwner): readonly string[] {
  return ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", "--bounding-set=-all", ...nothing];
}

/**
 * The same by setpriv, within limits, the tightest first; a text says why there is none. From util-linux 2.41 on it speaks
 * Landlock and seccomp, by which anybody may give up files, the network and sight of other processes, in containers too.
 */
export function setprivs(limited: readonly string[]): readonly Sandbox[] | string {
  if (programPath("setpriv") === undefined) return "setpriv: it is not installed (util-linux)";
  const common = { kind: "setpriv", hasOwner: hasOwners } as const;
  // Others than root get a network of their own only in a namespace of users, where they may drop capabilities too.
  const apart = hasOwners
    ? ["unshare", "--net", "--ipc"]
    : ["unshare", "--user", "--map-current-user", "--net", "--ipc"];
  const drop = ({ owner }: SandboxPlace) => (owner ? asOwner(owner) : ["setpriv", ...nothing]);
  const all = (place: SandboxPlace) => (place.owner ? drop(place) : [...drop(place), "--bounding-set=-all"]);
  const plain: readonly Sandbox[] = [
    { ...common, name: "setpriv", command: (place) => [...limited, ...apart, ...all(place)] },
    { ...common, name: "setpriv", command: (place) => [...limited, ...drop(place)] },
  ];
  const program = callFilter();
  if (program === undefined) return plain;
  const readable = readablePaths().flatMap(readRule);
  const landlocked = plain.map(
    (sandbox): Sandbox => ({
      ...sandbox,
      name: "setpriv with Landlock",
      filter: { program, by: "name" },
      command: (place) => [...sandbox.command(place), ...landlock(place.folder, readable)],
    }),
  );
  return [...landlocked, ...plain];
}

/** Everything that is not named is closed. */
function landlock(folder: string, readable: readonly string[]): readonly string[] {
  const filter = filterIn(folder);
  return [
    ...["--landlock-access", "fs", ...readable],
    ...rule("read-file,read-dir", join(folder, "in")),
    ...rule("read-file,read-dir,write-file,truncate,make-reg,remove-file", join(folder, "out")),
    ...rule("read-file,write-file", "/dev/null"),
    ...["/dev/zero", "/dev/random", "/dev/urandom"].flatMap((device) => rule("read-file", device)),
    ...["--seccomp-filter", filter],
  ];
}

/** Of a file the kernel takes no rights that are a folder's; what is not there, or closed to veil, is named by no rule. */
function readRule(path: string): readonly string[] {
  try {
    const isFolder = statSync(path).isDirectory();
    return rule(isFolder ? "execute,read-file,read-dir" : "execute,read-file", path);
  } catch {
    return [];
  }
}

function rule(access: string, path: string): readonly string[] {
  return ["--landlock-rule", `path-beneath:${access}:${path}`];
}
