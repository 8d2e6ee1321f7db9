import { createHash } from "node:crypto";

/** What a digest adds to a value. */
export const digestBytes = 32;

/** A value as it is stored: its SHA-256 before it. */
export function withDigest(value: Buffer): Buffer {
  return Buffer.concat([digestOf(value), value]);
}

/** The value out of what is stored; undefined where that is not what was stored. */
export function checkDigest(stored: Buffer): Buffer | undefined {
  const value = stored.subarray(digestBytes);
  return stored.length >= digestBytes && digestOf(value).equals(stored.subarray(0, digestBytes)) ? value : undefined;
}

function digestOf(value: Buffer): Buffer {
  return createHash("sha256").update(value).digest();
}
