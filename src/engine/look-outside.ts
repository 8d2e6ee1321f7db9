import { readdirSync, readlinkSync } from "node:fs";
import { networkInterfaces } from "node:os";
import type { Outside, Seen } from "./protocol.ts";

/** What the system calls the network that this process is in; undefined where it does not tell. */
export function networkOfThisProcess(): string | undefined {
  try {
    return readlinkSync("/proc/self/ns/net");
  } catch {
    return undefined;
  }
}

/** Tries what a process that is shut in can't do. */
export function lookOutside({ folder, network }: Outside): Seen {
  const own = networkOfThisProcess();
  const known = own !== undefined && network !== undefined;
  // Without /proc what it could reach others by decides.
  return {
    folder: isReadable(folder),
    network: known ? own === network : hasNetwork(),
    user: process.getuid?.(),
  };
}

function hasNetwork(): boolean {
  try {
    return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ internal }) => !internal));
  } catch {
    // It may open no socket that the system tells by.
    return false;
  }
}

function isReadable(folder: string): boolean {
  try {
    readdirSync(folder);
    return true;
  } catch {
    return false;
  }
}
