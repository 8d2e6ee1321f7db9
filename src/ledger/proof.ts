import { canonical, type JsonObject, valueAt, withValueAt } from "./canonical.ts";
import { commit, commitmentsOf, type Disclosed, disclose, sealedText } from "./chain.ts";
import { type Head, isSigned, keyIdOf, parseHead } from "./head.ts";
import { consistencyPath, type Hash, inclusionPath, isConsistent, isIncluded, leafHash } from "./merkle.ts";
import type { FoundRecord, Seals } from "./seals.ts";

/** All that somebody without the ledger needs to check one record. */
export interface Proof {
  readonly format: "veil ledger proof 1";
  /** As it was sealed: personal values are commitments. */
  readonly record: JsonObject;
  /** The values behind the commitments, by path; without those that were erased. */
  readonly personal: Readonly<Record<string, Disclosed>>;
  readonly position: number;
  /** From the record's leaf to the head's root. */
  readonly path: readonly Hash[];
  readonly head: Head;
  /** PEM. */
  readonly publicKey: string;
  /** That the ledger has only grown since a head that was kept elsewhere. */
  readonly since?: { readonly head: Head; readonly path: readonly Hash[] };
}

/** What a proof shows, or why it shows nothing. */
export type ProofCheck =
  | { readonly holds: false; readonly faults: readonly string[] }
  | {
      readonly holds: true;
      /** The record with its personal values, as far as they are there. */
      readonly record: JsonObject;
      readonly position: number;
      readonly head: Head;
      readonly keyId: string;
      /** The head, kept elsewhere, that the proof's own follows. */
      readonly since?: Head;
    };

/** Undefined: the record's personal values can't be made out, so that it isn't what was sealed, or no head is there. */
export async function proveRecord(seals: Seals, row: FoundRecord, since?: Head): Promise<Proof | undefined> {
  const { head } = await seals.state();
  const { body, kind, seed, position } = row;
  const commitments = commitmentsOf({ ...row, body: body ?? {} });
  const publicKey = (await seals.publicKeys()).find((key) => head !== undefined && keyIdOf(key) === head.keyId);
  if (head === undefined || body === undefined || commitments === undefined || publicKey === undefined)
    return undefined;
  const record = JSON.parse(sealedText({ kind, body }, commitments)) as JsonObject;
  const proof: Proof = {
    format: "veil ledger proof 1",
    record,
    personal: seed === undefined ? {} : disclose({ kind, body }, seed),
    position,
    path: await inclusionPath(position, head.size, seals.node),
    head,
    publicKey,
    ...(since && { since: { head: since, path: await consistencyPath(since.size, head.size, seals.node) } }),
  };
  return checkProof(proof).holds ? proof : undefined;
}

/** Checks a proof by itself; with `publicKey` (PEM), that this key signed it. */
export function checkProof(proof: Proof, publicKey?: string): ProofCheck {
  const faults: string[] = [];
  const { record, personal, position, path, head, since } = proof;
  const key = publicKey ?? proof.publicKey;
  if (keyIdOf(key) !== head.keyId) faults.push(`The head is signed by key ${head.keyId}, not by key ${keyIdOf(key)}`);
  else if (!isSigned(head, key)) faults.push("The head's signature is wrong");
  if (!isIncluded(leafHash(canonical(record)), position, head.size, path, head.root)) {
    faults.push(`The record is not number ${position} of the ${head.size} that the head stands for`);
  }
  let disclosed = record;
  for (const [name, one] of Object.entries(personal)) {
    const committed = valueAt(record, `${name}.committed`);
    if (committed !== commit(one)) faults.push(`The value of ${name} is not the one that was sealed`);
    else disclosed = withValueAt(disclosed, name, one.value);
  }
  if (since !== undefined && !isConsistent(since.head, head, since.path)) {
    faults.push(`The head for ${head.size} records does not follow the one for ${since.head.size}`);
  }
  if (faults.length > 0) return { holds: false, faults };
  return { holds: true, record: disclosed, position, head, keyId: keyIdOf(key), ...(since && { since: since.head }) };
}

/** A proof as JSON; undefined where it is none. */
export function parseProof(text: string): Proof | undefined {
  try {
    const proof = JSON.parse(text) as Proof;
    const { format, record, personal, position, path, head, publicKey, since } = proof;
    const isObject = (value: unknown) => value !== null && typeof value === "object";
    const isPath = (value: unknown) => Array.isArray(value) && value.every((hash) => /^[0-9a-f]{64}$/.test(hash));
    const isDisclosed = (one: Disclosed) => /^[0-9a-f]{64}$/.test(one.salt) && typeof one.value === "string";
    if (format !== "veil ledger proof 1" || !isObject(record) || !Number.isSafeInteger(position)) return undefined;
    if (!isPath(path) || parseHead(JSON.stringify(head)) === undefined) return undefined;
    if (!isObject(personal) || !Object.values(personal).every(isDisclosed)) return undefined;
    if (since !== undefined && (parseHead(JSON.stringify(since.head)) === undefined || !isPath(since.path)))
      return undefined;
    keyIdOf(publicKey);
    return proof;
  } catch {
    return undefined;
  }
}
