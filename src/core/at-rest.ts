import { createHash, createHmac, hkdfSync } from "node:crypto";
import { sealKeyBytes } from "./sealed-bytes.ts";

/** A key of the installation's, from which each file's own is made. */
export interface AtRestKey {
  /** Tells keys apart; says nothing of them. */
  readonly id: Buffer;
  /** The key of one file, by its name and 16 random bytes that stand before it: under another name nothing opens it. */
  of(salt: Uint8Array, name: string): Uint8Array;
}

/** The keys of an installation for one purpose. */
export interface AtRestKeys {
  /** Seals what comes; undefined: nothing is sealed. */
  readonly current: AtRestKey | undefined;
  /** Opens what has this id in its header; undefined: it is no key of this installation. */
  find(id: Buffer): AtRestKey | undefined;
}

/** What stands before sealed bytes: which format, which key, and the file's salt. */
export const headerBytes = 24;
const magic = Buffer.from("vsl1");
const idBytes = 4;
const saltBytes = headerBytes - magic.length - idBytes;

/** A key for one purpose, made of the installation's 32 bytes. */
function atRestKey(secret: Uint8Array, purpose: string): AtRestKey {
  const own = Buffer.from(hkdfSync("sha256", secret, "", `veil at rest ${purpose}`, sealKeyBytes));
  return {
    id: createHmac("sha256", own).update("id").digest().subarray(0, idBytes),
    of: (salt, name) => new Uint8Array(hkdfSync("sha256", own, salt, digestOf(name), sealKeyBytes)),
  };
}

/** Of the installation's secrets, the first seals, and each opens. */
export function atRestKeys(secrets: readonly Uint8Array[], purpose: string): AtRestKeys {
  const keys = secrets.map((secret) => atRestKey(secret, purpose));
  return { current: keys[0], find: (id) => keys.find((key) => key.id.equals(id)) };
}

/** The header of a file that this key seals; the salt is 16 random bytes. */
export function headerOf({ id }: AtRestKey, salt: Uint8Array): Buffer {
  return Buffer.concat([magic, id, salt.subarray(0, saltBytes)]);
}

/** Whether bytes begin as every sealed file does, and no picture. */
export function beginsSealed(bytes: Uint8Array): boolean {
  return magic.equals(bytes.subarray(0, magic.length));
}

/** How many bytes that takes to tell. */
export const magicBytes = magic.length;

/** What a header says; undefined: it is none, and what follows is not sealed. */
export function readHeader(bytes: Uint8Array): { readonly id: Buffer; readonly salt: Buffer } | undefined {
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (header.length < headerBytes || !beginsSealed(header)) return undefined;
  const at = magic.length + idBytes;
  return { id: header.subarray(magic.length, at), salt: header.subarray(at, headerBytes) };
}

/** Names may be longer than what HKDF takes. */
function digestOf(name: string): Buffer {
  return createHash("sha256").update(name).digest();
}
