import { dirname, join } from "node:path";
import { callFilter } from "./call-filter.ts";
import { memoryFolder } from "./engine-folder.ts";
import { hasOwners } from "./engine-owner.ts";
import { programPath } from "./program-path.ts";
import { readablePaths } from "./readable-paths.ts";
import { filterDescriptor, type Sandbox } from "./sandbox.ts";
import { asOwner } from "./setpriv.ts";

/** What lies there counts towards no process's memory. */
const memoryFolderBytes = 2 ** 30;
/** Where the process's folder is seen. */
const inside = "/picture";

/** The same sandbox by bwrap, within limits, first with what its newer versions add; a text says why there is none. */
export function bubblewraps(limited: readonly string[]): readonly Sandbox[] | string {
  if (programPath("bwrap") === undefined) return "bubblewrap: bwrap is not installed";
  const seen = readablePaths();
  const program = callFilter();
  const wrap = (more: readonly string[], size: readonly string[] = []): Sandbox => ({
    ...{ kind: "bubblewrap", name: "bubblewrap", endsWithParent: true, hasOwner: hasOwners },
    ...(program && { filter: { program, by: "descriptor" } }),
    command: ({ folder, owner }) => [
      ...[...limited, "bwrap", ...more],
      ...["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"],
      // Node has made it the leader of a session without a terminal already, and of the group that a kill reaches.
      "--die-with-parent",
      ...[...new Set([...seen.flatMap(foldersAbove), inside])].flatMap(passable),
      ...seen.flatMap(readOnly),
      // No /proc: nothing needs it, and where others hide parts of it (a container, a unit of systemd) it can't be had.
      ...["--dev", "/dev", "--remount-ro", "/dev"],
      ...["--ro-bind", join(folder, "in"), `${inside}/in`, "--bind", join(folder, "out"), `${inside}/out`],
      // What a decoder of another program makes of an original meets no disk.
      ...["--perms", "1777", ...size, "--tmpfs", `${inside}/${memoryFolder}`],
      ...["--remount-ro", "/", "--chdir", inside, "--cap-drop", "ALL"],
      ...(program === undefined ? [] : ["--seccomp", String(filterDescriptor)]),
      // Root mounts as itself and is somebody else from then on; others are themselves, in a namespace of their own.
      ...(owner ? [...kept("SETUID", "SETGID", "SETPCAP"), "--", ...asOwner(owner)] : ["--"]),
    ],
  });
  const size = ["--size", String(memoryFolderBytes)];
  if (hasOwners) return [wrap([], size), wrap([])];
  return [wrap(["--unshare-user", "--disable-userns"], size), wrap(["--unshare-user"])];
}

// Of those that it makes itself bwrap lets nobody else pass.
const passable = (folder: string) => ["--perms", "0755", "--dir", folder];
const readOnly = (path: string) => ["--ro-bind-try", path, path];
const kept = (...names: readonly string[]) => names.flatMap((name) => ["--cap-add", `CAP_${name}`]);

/** From the root on, which is not among them. */
function foldersAbove(path: string): readonly string[] {
  const above = dirname(path);
  return above === "/" || above === path ? [] : [...foldersAbove(above), above];
}
