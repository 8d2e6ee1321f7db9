import { createPublicKey, createSecretKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { JWTVerifyGetKey } from "jose";
import { Problem } from "../errors.ts";

export interface TokenKeyOptions {
  /** By which tokens may be signed: all with pairs of keys, or all with a secret. */
  readonly algorithms: readonly string[];
  /** A JWKS or one public key in PEM; read again when it has changed. */
  readonly keysFile?: string | undefined;
  /** Where a JWKS is, which may change its keys at any time. */
  readonly jwksUrl?: string | undefined;
  /** Asks for the JWKS. */
  readonly fetch: typeof fetch;
}

/** A key that is not known is asked for again, but not with every forged token. */
const cooldownMs = 30_000;
const keysMs = 10 * 60_000;
const fetchMs = 5_000;
const leastSecretBytes = 32;

/** The keys that tokens are checked with, from a file or an address. Problem invalid-config where a file holds none. */
export async function keysOf({ keysFile, jwksUrl, algorithms, fetch }: TokenKeyOptions): Promise<JWTVerifyGetKey> {
  const jose = await import("jose");
  if (keysFile === undefined) {
    const limits = { cooldownDuration: cooldownMs, cacheMaxAge: keysMs, timeoutDuration: fetchMs };
    return jose.createRemoteJWKSet(new URL(jwksUrl!), { ...limits, [jose.customFetch]: fetch });
  }
  let read = { text: "", keyOf: undefined as JWTVerifyGetKey | undefined };
  const current = async (): Promise<JWTVerifyGetKey> => {
    const text = await readFile(keysFile, "utf8").catch((cause: NodeJS.ErrnoException) => {
      if (read.keyOf !== undefined) return read.text;
      throw new Problem("invalid-config", `Cannot read ${keysFile} (auth.jwt.keysFile): ${cause.code}`, { cause });
    });
    if (read.keyOf === undefined || text !== read.text)
      read = { text, keyOf: await keysIn(text, keysFile, algorithms) };
    return read.keyOf!;
  };
  await current();
  // A file is read as soon as it is asked: small, and in the system's cache.
  return async (header, token) => (await current())(header, token);
}

async function keysIn(text: string, file: string, algorithms: readonly string[]): Promise<JWTVerifyGetKey> {
  const jose = await import("jose");
  const isSecret = algorithms.some((algorithm) => algorithm.startsWith("HS"));
  const bad = (why: string, cause?: unknown) =>
    new Problem("invalid-config", `${file} (auth.jwt.keysFile) ${why}`, {
      remedy: 'Give a public key in PEM, or a JWKS: {"keys":[…]}.',
      cause,
    });
  if (text.includes("-----BEGIN")) {
    if (/PRIVATE KEY/.test(text)) throw bad("holds a private key, which veil must not have");
    if (isSecret) throw bad("is a public key, which no algorithm of auth.jwt.algorithms takes");
    try {
      const key = createPublicKey(text);
      return async () => key;
    } catch (cause) {
      throw bad("is no public key", cause);
    }
  }
  try {
    const set = JSON.parse(text) as import("jose").JSONWebKeySet;
    const shared = set.keys.filter(({ kty }) => kty === "oct");
    if (!isSecret && shared.length > 0) throw bad("holds a secret, which no algorithm of auth.jwt.algorithms takes");
    if (!isSecret) return jose.createLocalJWKSet(set);
    if (shared.length === 0) throw bad("holds no secret, which the algorithms of auth.jwt.algorithms need");
    const secrets = shared.map(({ kid, k }) => ({ kid, secret: Buffer.from(String(k), "base64url") }));
    // RFC 7518, 3.2: at least as long as the hash.
    if (secrets.some(({ secret }) => secret.length < leastSecretBytes))
      throw bad(`holds a secret of less than ${leastSecretBytes} bytes`);
    return async ({ kid }) => {
      const fitting = secrets.filter((one) => kid === undefined || one.kid === undefined || one.kid === kid);
      if (fitting.length !== 1) throw new jose.errors.JWKSNoMatchingKey();
      return createSecretKey(fitting[0]!.secret);
    };
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    throw bad("is neither a key in PEM nor a JWKS", cause);
  }
}
