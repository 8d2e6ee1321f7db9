/** What somebody may do; docs/security.md says it in full. */
export const accessRoles = ["submit", "read", "review", "audit", "admin"] as const;
export type AccessRole = (typeof accessRoles)[number];

/** Who asks, and what that one may do. */
export interface Principal {
  /** How the ledger names it, for example `key:ward 7`. A person's name, maybe. */
  readonly name: string;
  /** `local`: whoever is at this machine, where there is no login. */
  readonly via: "local" | "key" | "session" | "token";
  readonly roles: readonly AccessRole[];
  /** Of the key or session that it came with. */
  readonly keyId?: string;
  /** What limits and Idempotency-Keys count by, and what owns jobs: one for a key and all sessions that it began, or for a person. */
  readonly id: string;
}

/** The id of somebody whom another one knows: a subject is one of its issuer's alone. */
export function subjectId(kind: "token" | "person", issuer: string, subject: string): string {
  return `${kind}:${JSON.stringify([issuer, subject])}`;
}

/** What a role brings along. Nobody gets `review`, which shows originals, with another one. */
const implied: Readonly<Record<AccessRole, readonly AccessRole[]>> = {
  submit: [],
  read: [],
  review: ["read"],
  audit: ["read"],
  admin: ["read", "submit"],
};

/** The roles with all that they bring along, in the order of `accessRoles`. */
export function withImplied(roles: Iterable<AccessRole>): readonly AccessRole[] {
  const all = new Set([...roles].flatMap((role) => [role, ...implied[role]]));
  return accessRoles.filter((role) => all.has(role));
}

/** Of words that a token or an identity provider gives: those that begin with the prefix and name a role behind it. */
export function rolesIn(words: unknown, prefix: string): readonly AccessRole[] {
  const list = typeof words === "string" ? words.split(/\s+/) : Array.isArray(words) ? words : [];
  const named = new Set(list.filter((word) => typeof word === "string" && word.startsWith(prefix)));
  return accessRoles.filter((role) => named.has(prefix + role));
}

/** The value at `realm_access.roles`; a claim whose own name has dots wins. */
export function claimAt(claims: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}
