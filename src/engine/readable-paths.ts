import { existsSync } from "node:fs";
import { getCompileCacheDir } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { programPath } from "./program-path.ts";

/** Programs and libraries; a system has some of them. */
const system = ["/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/nix/store", "/gnu/store"];
const linker = ["/etc/ld.so.cache", "/etc/alternatives"];
/** onnxruntime chooses its kernels by what the processor is. */
const processor = ["/sys/devices/system/cpu"];

/** All that an engine process has to read besides its picture; some of it may not be there. */
export function readablePaths(): readonly string[] {
  return [...system, ...linker, ...processor, ...program()];
}

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

/** As Node looks for packages: in this folder and in each above it. */
function packageFolders(root: string): readonly string[] {
  const folders: string[] = [];
  for (let folder = root; ; folder = dirname(folder)) {
    const packages = join(folder, "node_modules");
    if (existsSync(packages)) folders.push(packages);
    if (dirname(folder) === folder) return folders;
  }
}
