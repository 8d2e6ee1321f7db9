import { spawn } from "node:child_process";

const main = new URL("../../src/main.ts", import.meta.url).pathname;

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs one command of veil's on a data folder, beside the program that serves it or without one. */
export function veilCommand(dataDir: string, ...args: string[]): Promise<Ended> {
  const flags = ["--disable-warning=ExperimentalWarning", main, "--data-dir", dataDir];
  const child = spawn(process.execPath, [...flags, ...args], { env: { PATH: process.env.PATH } });
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    err += chunk;
  });
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, out, err })));
}
