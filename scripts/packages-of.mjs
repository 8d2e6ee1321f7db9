import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * @typedef {{ version?: string, license?: string, integrity?: string, dev?: boolean, devOptional?: boolean, optional?: boolean,
 *   dependencies?: Record<string, string>, optionalDependencies?: Record<string, string>,
 *   peerDependencies?: Record<string, string>, peerDependenciesMeta?: Record<string, { optional?: boolean }> }} LockEntry
 */

/**
 * What package-lock.json pins, by path (`node_modules/sharp`), without the clone itself.
 * @param {string} root the clone
 * @returns {Map<string, LockEntry>}
 */
export function lockedPackages(root) {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  return new Map(Object.entries(packages).filter(([path]) => path !== ""));
}

/** Of a path in the lock file. @param {string} path */
export function nameOf(path) {
  return path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
}

/**
 * The packages, by path, that the service's own sources need when they run, whatever the page was built with.
 * @param {string} root the clone
 * @returns {Set<string>}
 */
export function runtimePackages(root) {
  const locked = lockedPackages(root);
  const needed = new Set();
  const waiting = importedBy(root).flatMap((name) => resolved(locked, "", name) ?? []);
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (needed.has(path)) continue;
    needed.add(path);
    const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } = locked.get(path) ?? {};
    const peers = Object.keys(peerDependencies ?? {}).filter((name) => !peerDependenciesMeta?.[name]?.optional);
    for (const name of [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers]) {
      waiting.push(...(resolved(locked, path, name) ?? []));
    }
  }
  return needed;
}

const imported =
  /^(?:import|export)\s[^;]*?\bfrom\s+"([^"]+)"|\bimport\(\s*"([^"]+)"|^import\s+"([^"]+)"|package: "([^"]+)"/gm;

/** Packages that any file of src/ names. @param {string} root */
function importedBy(root) {
  const names = globSync("src/**/*.ts", { cwd: root }).flatMap((file) =>
    Array.from(
      readFileSync(join(root, file), "utf8").matchAll(imported),
      ([, ...groups]) => groups.find(Boolean) ?? "",
    ),
  );
  const packages = names.filter((name) => /^[@\w]/.test(name) && !name.startsWith("node:"));
  return [...new Set(packages.map((name) => name.split("/", name.startsWith("@") ? 2 : 1).join("/")))].sort();
}

/**
 * Where Node would find a package from another one; empty: it is not in the lock file (an optional peer, a platform's).
 * @param {Map<string, LockEntry>} locked @param {string} from @param {string} name
 */
function resolved(locked, from, name) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    const path = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
    if (locked.has(path)) return [path];
    if (folder === "") return undefined;
  }
}

/** @param {string} root @param {string} path */
export function isHere(root, path) {
  return existsSync(join(root, path, "package.json"));
}
