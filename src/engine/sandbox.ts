import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { chownSync, closeSync, openSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Isolation } from "../core/isolation.ts";
import type { EngineOwner } from "./engine-owner.ts";

/** Where a process is started, and whom it runs as where that is another one than the service. */
export interface SandboxPlace {
  readonly folder: string;
  readonly owner: EngineOwner | undefined;
}

/** One way to shut engine processes in. */
export interface Sandbox {
  readonly kind: Isolation;
  /** For people; looser ways of the same kind have another one. */
  readonly name: string;
  /** Whether each process runs as a user of its own. */
  readonly hasOwner: boolean;
  /** Whether the system ends the process with its parent, so that it need not look whether that is still there. */
  readonly endsWithParent?: boolean;
  /** What the kernel asks before each call; the command reads it from `filterDescriptor`, or from `filterIn` its folder. */
  readonly filter?: { readonly program: Buffer; readonly by: "descriptor" | "name" };
  /** What stands before the process's own command; it is started in the engine process's folder. */
  command(place: SandboxPlace): readonly string[];
}

/** After the channel by which an engine process is spoken to. */
export const filterDescriptor = 4;

/** Among what the process may read, until its first picture comes. */
export function filterIn(folder: string): string {
  return join(folder, "in", "call-filter");
}

/** Starts a program in a sandbox, with three standard streams and a channel at most. */
export function spawnInside(
  { command, filter }: Sandbox,
  place: SandboxPlace,
  program: readonly string[],
  options: SpawnOptions & { readonly stdio: readonly ["ignore", "ignore" | "pipe", "pipe", "ipc" | "ignore"] },
): ChildProcess {
  const [first = "", ...args] = [...command(place), ...program];
  const start = (...more: readonly number[]) =>
    spawn(first, args, { ...options, stdio: [...options.stdio, ...more], cwd: place.folder });
  if (filter === undefined) return start();
  const file = filterIn(place.folder);
  writeFileSync(file, filter.program, { flag: "wx", mode: 0o640 });
  if (place.owner !== undefined) chownSync(file, 0, place.owner.gid);
  if (filter.by === "name") return start();
  const descriptor = openSync(file, "r");
  rmSync(file);
  try {
    return start(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
