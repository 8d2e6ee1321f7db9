import { mintKey } from "../auth/api-key.ts";
import type { ConfigFlags } from "../config/layers.ts";
import { type AccessRole, accessRoles } from "../core/access.ts";
import { openDataFolder } from "../data-folder.ts";
import { Problem } from "../errors.ts";
import type { StoredKey } from "../ledger/keys.ts";
import { printable } from "./printable.ts";
import { configFor } from "./settings.ts";

const told = (problem: Problem) => process.stderr.write(`veil: ${problem.message}\n`);
const dayMs = 24 * 3_600_000;

/** `veil keys create`: makes an API key and shows it, this once. */
export async function createKey(
  flags: ConfigFlags,
  name: string,
  options: { readonly role: readonly string[]; readonly days?: string },
): Promise<number> {
  if (!/^[^\p{Cc}]{1,100}$/u.test(name))
    throw new Problem("invalid-request", "Expected a name of 1 to 100 characters, without control characters");
  const roles = options.role.map(parseRole);
  const days = options.days === undefined ? undefined : Number(options.days);
  if (days !== undefined && !(Number.isInteger(days) && days > 0))
    throw new Problem("invalid-request", `Expected a whole number of days but received ${options.days}`);
  await using data = await openDataFolder(configFor(flags), told);
  const now = Date.now();
  const isLive = (key: StoredKey) => key.revokedAt === undefined && (key.expiresAt ?? Number.POSITIVE_INFINITY) > now;
  if ((await data.keys.list()).some((key) => key.name === name && isLive(key))) {
    throw new Problem(
      "already-exists",
      `There is a key of ${printable(name)} already, and the ledger names who by it`,
      {
        remedy: "Give it another name, or revoke that one first: veil keys list.",
      },
    );
  }
  const lifeMs = days === undefined ? undefined : days * dayMs;
  const { text, stored } = mintKey({ kind: "key", name, roles, now, lifeMs });
  await data.keys.add(stored);
  await data.ledger.note({ at: now, outcome: "key-created", key: { id: stored.id, roles: stored.roles } });
  process.stderr.write(`The key of ${printable(name)} (${stored.roles.join(", ")}), which is shown this once:\n`);
  process.stdout.write(`${text}\n`);
  return 0;
}

/** `veil keys list`: the keys that there are, without what they are used by. */
export async function listKeys(flags: ConfigFlags, options: { readonly json?: boolean }): Promise<number> {
  await using data = await openDataFolder(configFor(flags), told);
  const keys = await data.keys.list();
  if (options.json) {
    const shown = keys.map(({ hash: _, kind: __, ...rest }) => rest);
    process.stdout.write(`${JSON.stringify(shown, null, 2)}\n`);
    return 0;
  }
  for (const key of keys) process.stdout.write(`${lineOf(key)}\n`);
  if (keys.length === 0) process.stdout.write("there are no keys; veil keys create NAME --role ROLE makes one\n");
  return 0;
}

/** `veil keys revoke`: from now on the key opens nothing, and no session that was begun with it. */
export async function revokeKey(flags: ConfigFlags, id: string): Promise<number> {
  await using data = await openDataFolder(configFor(flags), told);
  const now = Date.now();
  const key = await data.keys.get(id);
  if (key === undefined || !(await data.keys.revoke(id, now))) {
    const detail = key === undefined ? `There is no key ${id}` : `The key ${id} was revoked before`;
    throw new Problem("not-found", detail, { remedy: "veil keys list shows which there are." });
  }
  await data.ledger.note({ at: now, outcome: "key-revoked", key: { id, roles: key.roles } });
  process.stdout.write(`revoked: ${printable(key.name)} (${id}) opens nothing any more\n`);
  return 0;
}

function parseRole(text: string): AccessRole {
  const role = accessRoles.find((one) => one === text);
  if (role === undefined)
    throw new Problem("invalid-request", `Expected one of ${accessRoles.join(", ")} for --role but received ${text}`);
  return role;
}

function lineOf({ id, name, roles, createdAt, expiresAt, revokedAt, usedAt }: StoredKey): string {
  const day = (at: number) => new Date(at).toISOString().slice(0, 10);
  const state =
    revokedAt !== undefined
      ? `revoked ${day(revokedAt)}`
      : expiresAt === undefined
        ? "does not expire"
        : `${expiresAt <= Date.now() ? "expired" : "until"} ${day(expiresAt)}`;
  const used = usedAt === undefined ? "never used" : `last used ${day(usedAt)}`;
  return printable(`${id}  ${day(createdAt)}  ${name}  ${roles.join(",")}  ${state}, ${used}`);
}
