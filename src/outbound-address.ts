import { lookup } from "node:dns/promises";
import { Problem } from "./errors.ts";
import { networks } from "./network-address.ts";

/**
 * Whether an IP address is one that no stranger's machine has: loopback, private, link-local, shared, reserved, and what
 * wraps IPv4. IPv4 mapped into IPv6 counts as what it maps.
 */
export const isPrivateAddress = networks([
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"],
  ...["192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"],
  ...["224.0.0.0/3", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16"],
  ...["fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"],
]);

export interface Resolved {
  readonly address: string;
  readonly family: 4 | 6;
}

/**
 * The one address that a request may then go to: a name that is asked for twice could answer differently. `remedy` says
 * how a private one is allowed. Problems: invalid-config where any of its addresses is private and that is not allowed,
 * store-unavailable without an answer.
 */
export async function resolveOutbound({ hostname }: URL, allowPrivate: boolean, remedy: string): Promise<Resolved> {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const found = await lookup(host, { all: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new Problem("store-unavailable", `${host} has no address (${cause.code})`, { cause });
  });
  if (!allowPrivate && found.some(({ address }) => isPrivateAddress(address))) {
    throw new Problem("invalid-config", `${host} is an address of this machine or a private network`, {
      remedy,
    });
  }
  const [first] = found;
  return { address: first!.address, family: first!.family === 6 ? 6 : 4 };
}
