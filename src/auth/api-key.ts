import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { type AccessRole, type Principal, withImplied } from "../core/access.ts";
import type { Keys, StoredKey } from "../ledger/keys.ts";

/** A key as its owner has it, `veil_ID_SECRET`, and as veil keeps it. The text can't be had again. */
export interface MintedKey {
  readonly text: string;
  readonly stored: StoredKey;
}

export interface KeyWish {
  readonly kind: StoredKey["kind"];
  readonly name: string;
  readonly roles: readonly AccessRole[];
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Absent: it does not expire. */
  readonly lifeMs?: number | undefined;
  /** Of a session: the key that it is begun with. */
  readonly parent?: string | undefined;
}

/** 256 random bits: nobody tries those out, so that a plain digest of them keeps them safe. */
const secretBytes = 32;
const pattern = /^veil_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;
/** A use is noted at most this often: it is only to tell which keys nobody uses any more. */
const usedEveryMs = 60_000;

export function mintKey({ kind, name, roles, now, lifeMs, parent }: KeyWish): MintedKey {
  const id = randomBytes(8).toString("hex");
  const secret = randomBytes(secretBytes).toString("base64url");
  const expiresAt = lifeMs === undefined ? {} : { expiresAt: now + lifeMs };
  const stored = {
    id,
    kind,
    name,
    roles: withImplied(roles),
    hash: hashOf(secret),
    createdAt: now,
    ...expiresAt,
    ...(parent !== undefined && { parent }),
  };
  return { text: `veil_${id}_${secret}`, stored };
}

/** Whether a text has the form of a key of veil's; nothing else begins like one. */
export function looksLikeKey(text: string): boolean {
  return text.startsWith("veil_");
}

/** Whose key it is; undefined: nobody's, or not any more. */
export async function principalOfKey(
  text: string,
  { keys, now }: { readonly keys: Pick<Keys, "get" | "used">; readonly now: number },
): Promise<Principal | undefined> {
  const [, id, secret] = pattern.exec(text) ?? [];
  if (id === undefined || secret === undefined) return undefined;
  const stored = await keys.get(id);
  // Compared whether or not there is one: how long it takes tells nothing.
  const isRight = timingSafeEqual(Buffer.from(hashOf(secret), "hex"), Buffer.from(stored?.hash ?? hashOf(id), "hex"));
  if (stored === undefined || !isRight || stored.revokedAt !== undefined) return undefined;
  if (stored.expiresAt !== undefined && stored.expiresAt <= now) return undefined;
  // A session of an older veil, which knew people without their provider: whoever it is logs in again.
  if (stored.parent?.startsWith("person:") && !stored.parent.startsWith("person:[")) return undefined;
  if (now - (stored.usedAt ?? 0) > usedEveryMs) await keys.used(id, now);
  return { name: stored.name, via: stored.kind, roles: stored.roles, keyId: id, id: stored.parent ?? id };
}

function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
