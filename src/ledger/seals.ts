import type { Job } from "../core/job.ts";
import type { JsonObject } from "./canonical.ts";
import type { Commitments, LedgerRecord, RecordKind, SealedRecord } from "./chain.ts";
import type { Head } from "./head.ts";
import type { Hash, ReadNode, TreeNode } from "./merkle.ts";

/** A sealed record as it is found: without a body where the record itself is gone. */
export type FoundRecord = Omit<SealedRecord, "body"> & { readonly body?: JsonObject };

/** How far the chain reaches. */
export interface SealState {
  readonly size: number;
  readonly chain: Hash;
  /** The newest. */
  readonly head?: Head;
}

export interface SealBatch {
  /** What the batch follows. */
  readonly after: Pick<SealState, "size" | "chain">;
  readonly records: readonly SealedRecord[];
  /** The whole subtrees that it completes. */
  readonly nodes: readonly TreeNode[];
  readonly head: Head;
  /** The head's, PEM. */
  readonly publicKey: string;
}

/** Whose turn it is to seal. */
export interface SealLease {
  readonly holder: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly until: number;
}

/** Which records. All that is given must hold. */
export interface RecordQuery {
  /** A key of an original; with `*`, `?` or `[` a pattern. */
  readonly path?: string;
  /** SHA-256 of an original or of a result. */
  readonly digest?: Hash;
  /** Milliseconds since 1970: from this one on. */
  readonly since?: number;
  /** Before this one. */
  readonly until?: number;
  /** Kinds of events and outcomes of notes. */
  readonly outcomes?: readonly string[];
}

/** Whose personal values go: those of objects by path, or everything that ended before a time (ms since 1970). */
export type ErasureScope = { readonly path: string } | { readonly before: number };

/** What is erased together: a finished job with its records, or one note. */
export interface Erasable {
  /** For the next page. */
  readonly cursor: string;
  readonly job?: Job;
  readonly records: readonly FoundRecord[];
  /** False: the chain has not reached all of it yet. */
  readonly isSealed: boolean;
}

export interface Erasure {
  /** The job as it stays, with tombstones in the place of names. */
  readonly job?: Job;
  readonly records: readonly (Pick<SealedRecord, "kind" | "seq" | "position" | "body"> & {
    readonly commitments: Commitments;
  })[];
}

/** The chain over a ledger's records, where the ledger keeps it. */
export interface Seals {
  state(): Promise<SealState>;
  /** Committed and not sealed, in the order to seal them in. */
  unsealed(limit: number): Promise<readonly LedgerRecord[]>;
  countUnsealed(): Promise<number>;
  /** One transaction. False, and nothing written: another one sealed meanwhile, or holds the lease. */
  seal(batch: SealBatch, lease?: SealLease): Promise<boolean>;
  release(holder: string): Promise<void>;
  /** Those that the query asks for, in the chain's order from that position on. */
  sealed(from: number, limit: number, query?: RecordQuery): Promise<readonly FoundRecord[]>;
  /** For each kind how many records have that number or a lower one, sealed or not. */
  countUpTo(seq: Readonly<Record<RecordKind, number>>): Promise<Readonly<Record<RecordKind, number>>>;
  /** Signed heads of more than that size, in order. */
  heads(aboveSize: number, limit: number): Promise<readonly Head[]>;
  /** Every public key (PEM) that heads were signed with here. */
  publicKeys(): Promise<readonly string[]>;
  /** Of the first whole subtrees; Problem `ledger-broken` where one is not there. */
  readonly node: ReadNode;
  erasable(scope: ErasureScope, after: string, limit: number): Promise<readonly Erasable[]>;
  /**
   * One transaction: personal values, seeds and the digests of originals go, commitments and tombstones take their
   * place, and a record of it, with the count, is written. Answers how many records that were; what moved on meanwhile stays.
   */
  erase(erasures: readonly Erasure[], note: JsonObject): Promise<number>;
  /**
   * Leaves nothing of what was erased in files of the ledger; may take a while. False, and nothing done: other processes
   * are serving over it.
   */
  compact(): Promise<boolean>;
}
