import { Problem } from "../errors.ts";
import { valueAt } from "./canonical.ts";
import type { SealedRecord } from "./chain.ts";
import { type Hash, nodeHash, type ReadNode } from "./merkle.ts";

/** Subtrees below this level are made from their leaves when they are asked for: at most 128 of them. */
export const lowestKept = 8;

export interface KeptTree {
  /** A node that is kept: at `lowestKept` or above. */
  kept(level: number, place: number): Promise<Hash | undefined>;
  /** The leaves from that position on, in order. */
  leaves(from: number, width: number): Promise<readonly Hash[]>;
}

/** Any node of the tree; Problem `ledger-broken` where one is not there. */
export function createNodeReader({ kept, leaves }: KeptTree): ReadNode {
  return async (level, place) => {
    if (level >= lowestKept) {
      const hash = await kept(level, place);
      if (hash === undefined) throw broken(`the tree's node ${level}/${place} is not there`);
      return hash;
    }
    const width = 2 ** level;
    let hashes = await leaves(place * width, width);
    if (hashes.length < width)
      throw broken(`one of the records ${place * width} to ${(place + 1) * width - 1} is not there`);
    while (hashes.length > 1) {
      const pairs = hashes;
      hashes = pairs.filter((_, index) => index % 2 === 0).map((left, index) => nodeHash(left, pairs[index * 2 + 1]!));
    }
    return hashes[0]!;
  };
}

const digestPaths = { event: "detail.", note: "", erasure: "none." } as const;

/** The digests that a record is looked up by: digest, position, and 1 for an original's. */
export function digestsOf({ kind, position, body }: SealedRecord): readonly (readonly [Hash, number, number])[] {
  return (["input", "output"] as const).flatMap((side) => {
    const digest = valueAt(body, `${digestPaths[kind]}${side}.sha256`);
    const isOne = typeof digest === "string" && /^[0-9a-f]{64}$/.test(digest);
    return isOne ? [[digest, position, Number(side === "input")] as const] : [];
  });
}

function broken(detail: string): Problem {
  return new Problem("ledger-broken", `The ledger's chain is broken: ${detail}`, {
    remedy: "veil ledger verify names the first bad record.",
  });
}
