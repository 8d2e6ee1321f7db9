import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { closeSync, openSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Isolation } from "../core/isolation.ts";
import type { EngineOwner } from "./engine-folder.ts";

/** One way to shut engine processes in. */
export interface Sandbox {
  readonly kind: Isolation;
  /** Whom the process runs as, where it is not the service's own user. */
  readonly owner?: EngineOwner;
  /** Whether the system ends the process with its parent, so that it need not look whether that is still there. */
  readonly endsWithParent?: boolean;
  /** A program that the kernel asks before each call, which the command reads from `filterDescriptor`. */
  readonly filter?: Buffer;
  /** What stands before the process's own command; it is started in the engine process's folder. */
  command(folder: string): readonly string[];
}

/** After the channel by which an engine process is spoken to. */
export const filterDescriptor = 4;

/** Starts a program in a sandbox, with three standard streams and a channel at most. */
export function spawnInside(
  sandbox: Sandbox,
  folder: string,
  program: readonly string[],
  options: SpawnOptions & { readonly stdio: readonly ["ignore", "ignore" | "pipe", "pipe", "ipc" | "ignore"] },
): ChildProcess {
  const [command = "", ...args] = [...sandbox.command(folder), ...program];
  const { filter } = sandbox;
  if (filter === undefined) return spawn(command, args, { ...options, stdio: [...options.stdio], cwd: folder });
  const file = join(folder, "call-filter");
  writeFileSync(file, filter, { flag: "wx", mode: 0o600 });
  const descriptor = openSync(file, "r");
  // It is read from the open file: the name is gone before anything runs.
  rmSync(file);
  try {
    return spawn(command, args, { ...options, stdio: [...options.stdio, descriptor], cwd: folder });
  } finally {
    closeSync(descriptor);
  }
}
