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
  return { folder: isReadable(folder), network: isReachable(network) };
}

function isReachable(network: string | undefined): boolean {
  const own = networkOfThisProcess();
  try {
    const addresses = Object.values(networkInterfaces()).flat();
    // Without /proc what it could reach others by decides.
    if (own === undefined || network === undefined) return addresses.some((one) => one?.internal === false);
    return own === network;
  } catch {
    // It may open no socket, of which the system would tell that.
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
