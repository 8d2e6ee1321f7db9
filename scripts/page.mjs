import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BootstrapError, step } from "./report.mjs";
import { run } from "./run.mjs";

const stamp = join("web", "dist", ".built-from");

/**
 * Whether web/dist was built from what lies in web/ now.
 * @param {string} root the clone
 */
export function isPageBuilt(root) {
  const file = join(root, stamp);
  return existsSync(file) && readFileSync(file, "utf8") === digest(root);
}

/**
 * @param {string} root the clone
 * @param {{ node: string }} options
 */
export async function buildPage(root, { node }) {
  const built = digest(root);
  const vite = join(root, "node_modules", "vite", "bin", "vite.js");
  await step("Building the page", async () => {
    const { code, output } = await run(node, [vite, "build", "web", "--logLevel", "warn"], { cwd: root });
    if (code !== 0) throw new BootstrapError(`The page could not be built:\n${output.trim()}`);
    writeFileSync(join(root, stamp), built);
  });
}

/** @param {string} root */
function digest(root) {
  const hash = createHash("sha256");
  const add = (/** @type {string} */ path) =>
    hash
      .update(path)
      .update("\0")
      .update(readFileSync(join(root, path)));
  const visit = (/** @type {string} */ folder) => {
    const entries = readdirSync(join(root, folder), { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = `${folder}/${entry.name}`;
      if (path === "web/dist" || entry.name === "node_modules") continue;
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile()) add(path);
    }
  };
  visit("web");
  add("package-lock.json");
  return hash.digest("hex");
}
