import { existsSync } from "node:fs";
import { getCompileCacheDir } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { callFilter } from "./call-filter.ts";
import { engineOwner, memoryFolder } from "./engine-folder.ts";
import { programPath } from "./program-path.ts";
import { filterDescriptor, type Sandbox } from "./sandbox.ts";
import { asOwner } from "./setpriv.ts";

/** Programs and libraries; a system has some of them. */
const system = ["/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/nix/store", "/gnu/store"];
const linker = ["/etc/ld.so.cache", "/etc/alternatives"];
/** onnxruntime chooses its kernels by what the processor is. */
const processor = ["/sys/devices/system/cpu"];
/** What lies there counts towards no process's memory. */
const memoryFolderBytes = 2 ** 30;
/** Where the process's folder is seen. */
const inside = "/picture";

/** The same sandbox by bwrap, within limits, first with what its newer versions add; a text says why there is none. */
export function bubblewraps(limited: readonly string[]): readonly Sandbox[] | string {
  if (programPath("bwrap") === undefined) return "bubblewrap: bwrap is not installed";
  const owner = engineOwner();
  const seen = [...system, ...linker, ...processor, ...program()];
  const wrap = (more: readonly string[], size: readonly string[] = [], filter?: Buffer): Sandbox => ({
    kind: "bubblewrap",
    endsWithParent: true,
    ...(filter && { filter }),
    ...(owner && { owner }),
    command: (folder) => [
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
      ...(filter === undefined ? [] : ["--seccomp", String(filterDescriptor)]),
      // Root mounts as itself and is somebody else from then on; others are themselves, in a namespace of their own.
      ...(owner ? [...kept("SETUID", "SETGID", "SETPCAP"), "--", ...asOwner(owner)] : ["--"]),
    ],
  });
  const size = ["--size", String(memoryFolderBytes)];
  const filter = callFilter();
  const newer = owner ? [] : ["--unshare-user", "--disable-userns"];
  const older = owner ? [] : ["--unshare-user"];
  return [
    ...(filter === undefined ? [] : [wrap(newer, size, filter), wrap(older, [], filter)]),
    wrap(newer, size),
    wrap(older),
  ];
}

// Of those that it makes itself bwrap lets nobody else pass.
const passable = (folder: string) => ["--perms", "0755", "--dir", folder];
const readOnly = (path: string) => ["--ro-bind-try", path, path];
const kept = (...names: readonly string[]) => names.flatMap((name) => ["--cap-add", `CAP_${name}`]);

/** veil's own code, packages and Node, and the decoder of HEIC; nothing else of the folder that the clone lies in. */
function program(): readonly string[] {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const compiled = getCompileCacheDir();
  const decoder = programPath("heif-convert");
  return [
    ...[process.execPath, join(root, "src"), join(root, "package.json")],
    ...packageFolders(root),
    ...(compiled === undefined ? [] : [dirname(compiled)]),
    ...(decoder === undefined ? [] : [decoder]),
  ];
}

/** From the root on, which is not among them. */
function foldersAbove(path: string): readonly string[] {
  const above = dirname(path);
  return above === "/" || above === path ? [] : [...foldersAbove(above), above];
}

/** As Node looks for packages: in this folder and in each above it. */
function packageFolders(root: string): readonly string[] {
  const folders: string[] = [];
  for (let folder = root; ; folder = dirname(folder)) {
    const packages = join(folder, "node_modules");
    if (existsSync(packages)) folders.push(packages);
    if (dirname(folder) === folder) return folders;
  }
}
