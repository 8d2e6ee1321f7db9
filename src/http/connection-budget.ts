import { readFileSync } from "node:fs";
import { isLoopback, networkOf, networks } from "../network-address.ts";

/** Why a connection is closed at once: there are as many as may be, or as one address may have. */
export type Refusal = "all" | "address";

export interface Share {
  readonly listener: string;
  /** Undefined: it is taken, and has to be given back. */
  take(address: string | undefined): Refusal | undefined;
  giveBack(address: string | undefined): void;
  figures(): ShareFigures;
}

export interface ShareFigures {
  readonly open: number;
  readonly refused: Readonly<Record<Refusal, number>>;
}

export interface ShareLimits {
  readonly connections: number;
  /** From one address (IPv6: one /64). Half of all is the most, so that no address ever has all of them. */
  readonly addressConnections?: number;
}

/** What all of this process's listeners take connections from: the files that it may have open. */
export interface ConnectionBudget {
  share(listener: string, limits: ShareLimits): Share;
  /** By listener. */
  figures(): Readonly<Record<string, ShareFigures>>;
}

/** What stays for files, stores and engine processes where the system lets veil open few. */
const reservedFiles = 256;
/** What each listener gets whatever the others hold: monitors are answered when everything else is full. */
const fewConnections = 16;

export interface BudgetOptions {
  /** Each stands for all of its clients. */
  readonly trustedProxies?: readonly string[];
  /** How many files may be open. */
  readonly files?: number;
  /** Whether an address is this machine's own. */
  readonly isOwn?: (address: string) => boolean;
}

export function createConnectionBudget({
  trustedProxies = [],
  files = openFiles(),
  isOwn = isLoopback,
}: BudgetOptions = {}): ConnectionBudget {
  const isProxy = networks(trustedProxies);
  const shares = new Map<string, Share>();

  /** How many connections there may be beyond each listener's few. */
  const common = () => Math.max(0, files - reservedFiles - shares.size * fewConnections);
  const takenOfCommon = () =>
    shares.values().reduce((sum, share) => sum + Math.max(0, share.figures().open - fewConnections), 0);

  function share(listener: string, { connections, addressConnections = connections }: ShareLimits): Share {
    const addresses = new Map<string, number>();
    const refused = { all: 0, address: 0 };
    let open = 0;

    function refusal(address: string): Refusal | undefined {
      if (open >= connections || (open >= fewConnections && takenOfCommon() >= common())) return "all";
      if (isOwn(address) || isProxy(address)) return undefined;
      const half = Math.ceil(Math.min(connections, fewConnections + common()) / 2);
      return (addresses.get(networkOf(address)) ?? 0) >= Math.min(addressConnections, half) ? "address" : undefined;
    }

    const made: Share = {
      listener,
      take(address = "") {
        const why = refusal(address);
        if (why !== undefined) {
          refused[why]++;
          return why;
        }
        const from = networkOf(address);
        addresses.set(from, (addresses.get(from) ?? 0) + 1);
        open++;
        return undefined;
      },
      giveBack(address = "") {
        const from = networkOf(address);
        const left = addresses.get(from)! - 1;
        if (left === 0) addresses.delete(from);
        else addresses.set(from, left);
        open--;
      },
      figures: () => ({ open, refused }),
    };
    shares.set(listener, made);
    return made;
  }

  return {
    share,
    figures: () => Object.fromEntries(Array.from(shares, ([listener, { figures }]) => [listener, figures()])),
  };
}

/** How many files this process may have open; without bound where the system does not tell. */
function openFiles(): number {
  try {
    // Node raises the soft limit to the hard one when it starts.
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
