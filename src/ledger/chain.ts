import { createHash, createHmac, randomBytes } from "node:crypto";
import { canonical, type JsonObject, valueAt, withValueAt } from "./canonical.ts";
import { type Hash, hashOf, leafHash } from "./merkle.ts";

export const recordKinds = ["event", "note", "erasure"] as const;
/** An event of a job, the note of a synchronous request, or the note of an erasure. */
export type RecordKind = (typeof recordKinds)[number];

/** Where personal values lie in a record of each kind. They enter the chain as commitments alone. */
export const personalPaths: Readonly<Record<RecordKind, readonly string[]>> = {
  event: [
    "job.input.key",
    "job.input.version",
    "job.output.key",
    "job.regionsDigest",
    "requestDigest",
    "detail.message",
    "detail.input.sha256",
    "detail.regionsDigest",
    "detail.who",
  ],
  note: ["input.sha256", "who"],
  erasure: ["who"],
};

/** The commitments of a record whose personal values were erased, by path. */
export type Commitments = Readonly<Record<string, Hash>>;

/** A record as the ledger holds it, personal values in plain, or gone. */
export interface LedgerRecord {
  readonly kind: RecordKind;
  /** Its number among those of its kind: they grow in the order in which the records were written. */
  readonly seq: number;
  readonly body: JsonObject;
  /** Present: its personal values were erased; what stands in their places says nothing. */
  readonly commitments?: Commitments;
}

/** A record with its place in the chain. */
export interface SealedRecord extends LedgerRecord {
  /** Counts from 0 over all kinds. */
  readonly position: number;
  /** 32 random bytes that its salts are made of; gone once its personal values were erased. */
  readonly seed?: Hash;
  readonly leaf: Hash;
  readonly chain: Hash;
}

/** A personal value as a proof discloses it. */
export interface Disclosed {
  readonly salt: string;
  readonly value: string;
}

/** What comes before the first record. */
export const chainStart: Hash = "0".repeat(64);

export const newSeed = (): Hash => randomBytes(32).toString("hex");

/** Without the salt nobody can try out values: SHA-256 of 32 secret random bytes and the value. */
export function commit({ salt, value }: Disclosed): Hash {
  return createHash("sha256").update(Buffer.from(salt, "hex")).update(value).digest("hex");
}

/** A record's personal values by path, each with its salt, which follows from the seed. */
export function disclose({ kind, body }: Pick<LedgerRecord, "kind" | "body">, seed: Hash): Record<string, Disclosed> {
  const disclosed: Record<string, Disclosed> = {};
  for (const path of personalPaths[kind]) {
    const value = valueAt(body, path);
    if (typeof value !== "string") continue;
    disclosed[path] = { salt: createHmac("sha256", Buffer.from(seed, "hex")).update(path).digest("hex"), value };
  }
  return disclosed;
}

/** What stands in the chain for the record's personal values. Undefined: it has neither a seed nor commitments. */
export function commitmentsOf(record: LedgerRecord & { readonly seed?: Hash }): Commitments | undefined {
  if (record.commitments !== undefined || record.seed === undefined) return record.commitments;
  return Object.fromEntries(Object.entries(disclose(record, record.seed)).map(([path, one]) => [path, commit(one)]));
}

/** The text that the chain seals: the record with commitments in the place of personal values. */
export function sealedText({ kind, body }: Pick<LedgerRecord, "kind" | "body">, commitments: Commitments): string {
  let sealed: JsonObject = { v: 1, type: kind, ...body };
  for (const path of personalPaths[kind]) {
    const committed = commitments[path];
    const plain = valueAt(sealed, path);
    if (committed !== undefined) sealed = withValueAt(sealed, path, { committed });
    // Nothing that lies in the ledger may pass for a commitment.
    else if (plain !== undefined) sealed = withValueAt(sealed, path, { plain });
  }
  return canonical(sealed);
}

/** The record's leaf in the tree. */
export function leafOf(record: LedgerRecord, commitments: Commitments): Hash {
  return leafHash(sealedText(record, commitments));
}

/** The chain's hash once that leaf has followed. */
export function chainHash(before: Hash, leaf: Hash): Hash {
  return hashOf(2, Buffer.from(before, "hex"), Buffer.from(leaf, "hex"));
}
