import { existsSync, realpathSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { BootstrapError } from "./report.mjs";
import { run } from "./run.mjs";

const unreachable = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT/;
const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"];

/**
 * Runs `npm install` under the given Node (npm on an old Node silently picks older packages by their engines), without
 * any package's install script. Fails with npm's own words and what to do.
 * @param {readonly string[]} args
 * @param {{ node: string, cwd: string, probe: string }} options probe: a package that will be needed
 */
export async function npmInstall(args, { node, cwd, probe }) {
  const cli = findNpm();
  if (!cli) throw new BootstrapError("npm was not found. Install npm (it comes with Node) and try again.");
  const npm = (/** @type {string[]} */ ...words) => run(node, [cli, ...words, ...quiet], { cwd });

  // Without a network npm would try each of hundreds of packages several times, for minutes; what it has in its cache
  // it may still use.
  const asked = await npm("view", probe, "name", "--fetch-retries=1", "--fetch-retry-mintimeout=500");
  const [cause] = (asked.code === 0 ? undefined : unreachable.exec(asked.output)) ?? [];
  const { code, output } = await npm("install", ...args, ...(cause ? ["--offline"] : []));
  if (code === 0) return;
  if (cause === undefined) throw new BootstrapError(`npm could not install:\n${firstLines(output, 12)}`);
  throw new BootstrapError(
    `npm's registry can't be reached (${cause}). veil needs it once, to install: check the network, a proxy ` +
      "(npm config get proxy) or the registry (npm config get registry), and run the same command again.\n\n" +
      firstLines(asked.output, 4),
  );
}

/** @param {string} text @param {number} count */
function firstLines(text, count) {
  return text.trim().split("\n").slice(0, count).join("\n");
}

/**
 * npm's command line program: the one that runs this script, else the one beside Node, else the one on the path.
 * @returns {string | undefined}
 */
export function findNpm() {
  const running = process.env.npm_execpath;
  if (running && basename(running) === "npm-cli.js" && existsSync(running)) return running;
  const tail = join("node_modules", "npm", "bin", "npm-cli.js");
  const beside = dirname(process.execPath);
  const folders = [beside, join(beside, "..", "lib")];
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const command = join(folder, "npm");
    if (existsSync(command) && realpathSync(command).endsWith("npm-cli.js")) return realpathSync(command);
    folders.push(folder, join(folder, "..", "lib"));
  }
  return folders.map((folder) => join(folder, tail)).find((path) => existsSync(path));
}
