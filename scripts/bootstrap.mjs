import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { install, isInstalled } from "./install.mjs";
import { withLock } from "./lock.mjs";
import { findNode, installNode } from "./node.mjs";
import { buildPage, isPageBuilt } from "./page.mjs";

/** The clone. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * Brings what is missing, and nothing else: the right Node, the packages, the built page.
 * @param {{ dev?: boolean, page?: boolean }} needs
 * @returns {Promise<string>} path of the right Node
 */
export async function prepare({ dev = false, page = false }) {
  const node = findNode(root);
  if (node && isInstalled(root, { dev }) && (!page || isPageBuilt(root))) return node;
  return withLock(join(root, ".cache", "install.lock"), async () => {
    // Asked again: another process may have done it meanwhile.
    const right = findNode(root) ?? (await installNode(root));
    if (!isInstalled(root, { dev })) await install(root, { dev, node: right });
    if (page && !isPageBuilt(root)) await buildPage(root, { node: right });
    return right;
  });
}

/**
 * Runs veil's command line under the right Node in this process's place: same streams, same signals, same end.
 * @param {string} node
 * @param {readonly string[]} args
 */
export async function handOver(node, args) {
  const flags = ["--disable-warning=ExperimentalWarning"];
  const env = {
    ...process.env,
    // What veil fetches when it is asked to, a detector's model, goes through the proxy that the environment names.
    NODE_USE_ENV_PROXY: process.env.NODE_USE_ENV_PROXY ?? "1",
  };
  const child = spawn(node, [...flags, join(root, "src", "main.ts"), ...args], { stdio: "inherit", env });
  const stopWatching = passSignals((signal) => child.kill(signal));
  const [code, signal] = await new Promise((done, fail) => {
    child.on("error", fail);
    child.on("exit", (...end) => done(end));
  });
  stopWatching();
  if (signal) process.kill(process.pid, signal);
  process.exitCode = code ?? 1;
}

const signals = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]);

/**
 * Passes on what asks this process to stop, once for each time it is asked.
 * @param {(signal: NodeJS.Signals) => void} pass
 * @returns {() => void} ends it
 */
function passSignals(pass) {
  const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  let passed = Number.NEGATIVE_INFINITY;
  const onSignal = (/** @type {NodeJS.Signals} */ signal) => {
    // A terminal's Ctrl-C has reached the child already, and npm repeats each signal.
    if ((signal === "SIGINT" && onTerminal) || performance.now() - passed < 1000) return;
    passed = performance.now();
    pass(signal);
  };
  for (const signal of signals) process.on(signal, onSignal);

  // npx puts a shell in between, which dies of a signal without passing it on.
  const parent = process.ppid;
  const look = () => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onSignal("SIGTERM");
  };
  const timer = process.env.npm_execpath ? setInterval(look, 500) : undefined;
  return () => {
    clearInterval(timer);
    for (const signal of signals) process.off(signal, onSignal);
  };
}
