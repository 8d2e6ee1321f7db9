import { readFileSync } from "node:fs";
import { join } from "node:path";
import { npmInstall } from "./npm.mjs";
import { step } from "./report.mjs";

/**
 * Whether everything that package-lock.json asks for lies in node_modules: npm keeps its own note of what it has
 * put there, so this holds whoever ran npm, and how. A full install also satisfies one without development packages.
 * @param {string} root the clone
 * @param {{ dev: boolean }} options
 */
export function isInstalled(root, { dev }) {
  const wanted = packagesOf(join(root, "package-lock.json"));
  const present = packagesOf(join(root, "node_modules", ".package-lock.json"));
  if (!wanted || !present) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === "" || entry.optional || (!dev && (entry.dev || entry.devOptional))) return true;
    return present[path]?.version === entry.version && present[path]?.integrity === entry.integrity;
  });
}

/**
 * @param {string} root the clone
 * @param {{ dev: boolean, node: string }} options
 */
export async function install(root, { dev, node }) {
  const scope = dev ? "--include=dev" : "--omit=dev";
  const what = dev ? "Installing packages for use and development" : "Installing packages";
  // Not `npm ci`: that refuses a lock file made against a registry that lacks some other platform's binary, and starts
  // from nothing each time. With a lock file that fits, `install` takes the same versions and checks the same digests.
  await step(what, () => npmInstall(["--no-save", scope, "--include=optional"], { node, cwd: root, probe: "sharp" }));
}

/**
 * @typedef {{ version?: string, integrity?: string, dev?: boolean, devOptional?: boolean, optional?: boolean }} Entry
 * @param {string} file
 * @returns {Record<string, Entry> | undefined}
 */
function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).packages;
  } catch {
    return undefined;
  }
}
