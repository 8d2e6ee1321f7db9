import { createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { canonical } from "./canonical.ts";
import type { Hash } from "./merkle.ts";

/** What is signed: how many records there are, and what stands for all of them. */
export interface HeadBody {
  readonly size: number;
  /** Of the Merkle tree over the first `size` records. */
  readonly root: Hash;
  /** Of the hash chain behind the last of them. */
  readonly chain: Hash;
  /** When it was signed, by the clock of the machine; ISO 8601. */
  readonly time: string;
}

/** A head of the ledger with its Ed25519 signature. */
export interface Head extends HeadBody {
  /** The first 16 bytes of the SHA-256 of the public key's DER, in hexadecimal. */
  readonly keyId: string;
  /** Over the canonical JSON of the other fields after the line `veil ledger head 1`; base64. */
  readonly signature: string;
}

/** Makes heads. */
export interface Signer {
  readonly keyId: string;
  /** PEM. */
  readonly publicKey: string;
  sign(body: HeadBody): Head;
}

export function createSigner(privateKey: KeyObject): Signer {
  const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString();
  const keyId = keyIdOf(publicKey);
  return {
    keyId,
    publicKey,
    sign: (body) => ({
      ...body,
      keyId,
      signature: sign(null, signedBytes(body, keyId), privateKey).toString("base64"),
    }),
  };
}

/** Names a public key (PEM). */
export function keyIdOf(publicKey: string): string {
  const der = createPublicKey(publicKey).export({ type: "spki", format: "der" });
  return createHash("sha256").update(der).digest("hex").slice(0, 32);
}

/** Whether the owner of that public key (PEM) signed this head. */
export function isSigned(head: Head, publicKey: string): boolean {
  if (head.keyId !== keyIdOf(publicKey)) return false;
  const key = createPublicKey(publicKey);
  if (key.asymmetricKeyType !== "ed25519") return false;
  return verify(null, signedBytes(head, head.keyId), key, Buffer.from(head.signature, "base64"));
}

/** A head as JSON; undefined where it is none. */
export function parseHead(text: string): Head | undefined {
  try {
    const head = JSON.parse(text) as Head;
    const hashes = [head.root, head.chain].every((hash) => /^[0-9a-f]{64}$/.test(hash));
    const texts = [head.time, head.keyId, head.signature].every((value) => typeof value === "string");
    return Number.isSafeInteger(head.size) && head.size >= 0 && hashes && texts ? head : undefined;
  } catch {
    return undefined;
  }
}

function signedBytes({ size, root, chain, time }: HeadBody, keyId: string): Buffer {
  return Buffer.from(`veil ledger head 1\n${canonical({ size, root, chain, time, keyId })}`);
}
