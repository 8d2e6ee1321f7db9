import { randomUUID } from "node:crypto";
import { createBell } from "../bell.ts";
import { Problem, toProblem } from "../errors.ts";
import { chainHash, commitmentsOf, leafOf, newSeed, type SealedRecord } from "./chain.ts";
import type { Head, Signer } from "./head.ts";
import { appendHead } from "./heads-file.ts";
import { emptyFrontier, type Frontier, frontierAt, grow, rootOf, type TreeNode } from "./merkle.ts";
import type { SealBatch, SealState, Seals } from "./seals.ts";

export interface SealerOptions {
  readonly seals: Seals;
  readonly signer: Signer;
  /** Where each head is kept besides: a file, best on another disk. */
  readonly headsFile?: string | undefined;
  /** How often `run` seals. */
  readonly everyMs?: number;
  /** Told once of what keeps it from sealing or from keeping heads elsewhere, until that changes. */
  readonly onProblem: (problem: Problem) => void;
}

/** Chains what is committed, in order, and signs a head for it. */
export interface Sealer {
  /** Seals everything that is committed now, whoever holds the lease; answers how many records. */
  sealAll(): Promise<number>;
  /** Again and again while this one holds the lease, until the signal aborts. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
  /** Seals what is left and gives the lease back. */
  close(): Promise<void>;
}

const batchSize = 1000;
const leaseMs = 10_000;
const closeMs = 5000;

export function createSealer({ seals, signer, headsFile, everyMs = 1000, onProblem }: SealerOptions): Sealer {
  const holder = randomUUID();
  let frontier: Frontier = emptyFrontier;
  let kept: Head | undefined;
  let told = "";

  function tell(problem: Problem): void {
    if (told !== problem.message) onProblem(problem);
    told = problem.message;
  }

  async function sealBatch(withLease: boolean): Promise<"none" | "lost" | number> {
    const state = await seals.state();
    if (frontier.size !== state.size || state.size === 0) frontier = await soundFrontier(seals, state);
    await keepElsewhere(state.head);
    const records = await seals.unsealed(batchSize);
    if (records.length === 0) return "none";
    const nodes: TreeNode[] = [];
    let grown = frontier;
    let chain = state.chain;
    const sealed = records.map((record, index): SealedRecord => {
      const seed = newSeed();
      const leaf = leafOf(record, commitmentsOf({ ...record, seed })!);
      chain = chainHash(chain, leaf);
      grown = grow(grown, leaf, (node) => nodes.push(node));
      return { ...record, position: state.size + index, seed, leaf, chain };
    });
    const body = { size: grown.size, root: rootOf(grown), chain, time: new Date().toISOString() };
    const head = signer.sign(body);
    const batch: SealBatch = { after: state, records: sealed, nodes, head, publicKey: signer.publicKey };
    const now = Date.now();
    const lease = { holder, now, until: now + Math.max(leaseMs, everyMs * 3) };
    if (!(await seals.seal(batch, ...(withLease ? [lease] : [])))) return "lost";
    if (state.head !== undefined && state.head.keyId !== signer.keyId) {
      tell(new Problem("ledger-broken", `The ledger is signed by a new key from now on: ${signer.keyId}`));
    } else told = "";
    frontier = grown;
    await keepElsewhere(head);
    return records.length;
  }

  async function keepElsewhere(head: Head | undefined): Promise<void> {
    if (headsFile === undefined || head === undefined || head.signature === kept?.signature) return;
    try {
      await appendHead(headsFile, head);
      kept = head;
      told = "";
    } catch (error) {
      // The next head stands for this one too.
      tell(toProblem(error));
    }
  }

  async function sealAll(withLease: boolean, isEnough = () => false): Promise<number> {
    let records = 0;
    while (true) {
      if (isEnough()) return records;
      const sealed = await sealBatch(withLease);
      if (sealed === "none") return records;
      // Another one was faster: what it sealed need not be sealed here.
      if (sealed === "lost") {
        if (withLease) return records;
        continue;
      }
      records += sealed;
    }
  }

  const quietly = (isEnough: () => boolean) =>
    sealAll(true, isEnough).catch((error: unknown) => {
      tell(toProblem(error));
    });

  return {
    sealAll: () => sealAll(false),
    async run(signal) {
      const clock = createBell();
      while (!signal.aborted) {
        await quietly(() => signal.aborted);
        await clock.wait(everyMs, signal);
      }
    },
    async close() {
      // What a first start has not finished goes on at the next one.
      const until = Date.now() + closeMs;
      await quietly(() => Date.now() > until);
      await seals.release(holder);
    },
  };
}

/** Sealing on behind a gap would cover it up. */
async function soundFrontier(seals: Seals, { size, chain, head }: SealState): Promise<Frontier> {
  const frontier = await frontierAt(size, seals.node);
  if (size === 0 && head === undefined) return frontier;
  if (head?.size === size && head.root === rootOf(frontier) && head.chain === chain) return frontier;
  const detail = `The ledger's newest head is for ${head?.size ?? "no"} records and does not fit the ${size} that are here`;
  throw new Problem("ledger-broken", detail, {
    remedy: "Nothing is sealed until that is mended: veil ledger verify says more; a backup may have all of it.",
  });
}
