import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const main = new URL("../../src/main.ts", import.meta.url).pathname;

export interface Program extends AsyncDisposable {
  readonly address: string;
  readonly dataDir: string;
  readonly pid: number;
  /** What it wrote to standard error so far. */
  log(): string;
  /** What it wrote to standard output so far. */
  screen(): string;
  /** As Ctrl-C does; answers the exit code. */
  stop(): Promise<number | null>;
  /** As a power cut does. */
  kill(): Promise<void>;
  /** Its exit code, once it has ended, however it did; null for a signal. */
  readonly ended: Promise<number | null>;
}

export interface ProgramOptions {
  /** Absent: a fresh one, removed with the program. */
  readonly dataDir?: string;
  readonly flags?: readonly string[];
  /** For Node itself, before the program. */
  readonly nodeFlags?: readonly string[];
}

/** A data folder for one test. */
export function temporaryDataDir(): Promise<string> {
  return mkdtemp(join(tmpdir(), "veil-e2e-"));
}

/** Starts the real program on a free port and waits until it says that it is ready. */
export async function startProgram({ dataDir, flags = [], nodeFlags = [] }: ProgramOptions = {}): Promise<Program> {
  const folder = dataDir ?? (await temporaryDataDir());
  const node = ["--disable-warning=ExperimentalWarning", ...nodeFlags];
  const args = [...node, main, "serve", "--data-dir", folder, "--port", "0", ...flags];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env.PATH } });
  let log = "";
  let screen = "";
  child.stderr.on("data", (chunk) => {
    log += chunk;
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  const address = await new Promise<string>((resolve, reject) => {
    child.stdout.on("data", (chunk) => {
      screen += chunk;
      const [, url] = /(?:Page|Health)\s+(https?:\/\/[^\s/]+)/.exec(screen) ?? [];
      if (url !== undefined) resolve(url);
    });
    void exited.then((code) => reject(new Error(`veil ended with ${code}\n${screen}\n${log}`)));
  });
  const signalled = (signal: NodeJS.Signals) => async () => {
    child.kill(signal);
    return exited;
  };
  const stop = signalled("SIGINT");
  return {
    address,
    dataDir: folder,
    pid: child.pid!,
    log: () => log,
    screen: () => screen,
    stop,
    ended: exited,
    kill: async () => void (await signalled("SIGKILL")()),
    async [Symbol.asyncDispose]() {
      if (isRunning(child)) await stop();
      if (dataDir === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Asks again and again until the answer is there; a clear failure after the time. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  timeoutMs = 60_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  while (Date.now() < end) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await sleep(50);
  }
  throw new Error(`Expected within ${timeoutMs} ms: ${what}`);
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}
