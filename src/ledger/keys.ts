import type { AccessRole } from "../core/access.ts";

/** An API key or a session as it is kept: nothing that anybody could log in with. */
export interface StoredKey {
  readonly id: string;
  readonly kind: "key" | "session";
  /** What it was called, or who logged in. */
  readonly name: string;
  readonly roles: readonly AccessRole[];
  /** SHA-256 of its secret, in hex. */
  readonly hash: string;
  /** Milliseconds since 1970, as all times here. */
  readonly createdAt: number;
  readonly expiresAt?: number;
  readonly revokedAt?: number;
  /** About when it was last used. */
  readonly usedAt?: number;
  /** Of a session: the key that it was begun with. */
  readonly parent?: string;
}

/** What people and programs log in with. Every process over the same ledger knows the same ones. */
export interface Keys {
  add(key: StoredKey): Promise<void>;
  get(id: string): Promise<StoredKey | undefined>;
  /** API keys, the newest first; sessions are not among them. */
  list(): Promise<readonly StoredKey[]>;
  /** Whether there is an API key that can be used then. */
  any(at: number): Promise<boolean>;
  /** With the sessions that it began. False: there is none of that id, or it was revoked before. */
  revoke(id: string, at: number): Promise<boolean>;
  used(id: string, at: number): Promise<void>;
  /** Lets go of sessions that ended before. */
  forget(before: number): Promise<void>;
}

/** A row of either database. */
export function toStoredKey(row: Readonly<Record<string, unknown>>): StoredKey {
  const time = (name: string, value: unknown) => (value === null ? {} : { [name]: Number(value) });
  return {
    id: String(row.id),
    kind: row.kind as StoredKey["kind"],
    name: String(row.name),
    roles: JSON.parse(String(row.roles)) as AccessRole[],
    hash: String(row.hash),
    createdAt: Number(row.created_at),
    ...time("expiresAt", row.expires_at),
    ...time("revokedAt", row.revoked_at),
    ...time("usedAt", row.used_at),
    ...(row.parent !== null && { parent: String(row.parent) }),
  };
}
