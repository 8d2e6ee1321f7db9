import type { Postgres } from "../postgres.ts";
import { type Keys, toStoredKey } from "./keys.ts";

const tables = [
  `create table access_keys (
     id text collate "C" primary key,
     kind text not null,
     name text not null,
     roles text not null,
     hash text not null,
     created_at bigint not null,
     expires_at bigint,
     revoked_at bigint,
     used_at bigint,
     parent text
   )`,
];
const again = { again: true };

/** Keys and sessions in a PostgreSQL database: they are good on every host. */
export async function createPostgresKeys(postgres: Postgres): Promise<Keys> {
  await postgres.migrate("access_keys", tables);
  return {
    async add({ id, kind, name, roles, hash, createdAt, expiresAt = null, parent = null }) {
      const params = { id, kind, name, roles: JSON.stringify(roles), hash, createdAt, expiresAt, parent };
      const sql = `insert into access_keys (id, kind, name, roles, hash, created_at, expires_at, parent)
        values ($id, $kind, $name, $roles, $hash, $createdAt, $expiresAt, $parent) on conflict (id) do nothing`;
      await postgres.ask(sql, params, again);
    },
    async get(id) {
      const [row] = await postgres.ask("select * from access_keys where id = $id", { id }, again);
      return row && toStoredKey(row);
    },
    async list() {
      const sql = "select * from access_keys where kind = 'key' order by created_at desc, id";
      return (await postgres.ask(sql, {}, again)).map(toStoredKey);
    },
    async any(at) {
      const sql = `select 1 as one from access_keys
        where kind = 'key' and revoked_at is null and (expires_at is null or expires_at > $at::bigint) limit 1`;
      return (await postgres.ask(sql, { at }, again)).length > 0;
    },
    async revoke(id, at) {
      const sql = `update access_keys set revoked_at = $at
        where (id = $id or parent = $id) and revoked_at is null returning id`;
      return (await postgres.ask(sql, { id, at })).some((row) => row.id === id);
    },
    async used(id, at) {
      await postgres.ask("update access_keys set used_at = $at where id = $id", { id, at }, again);
    },
    async forget(before) {
      const sql =
        "delete from access_keys where kind = 'session' and coalesce(revoked_at, expires_at) < $before::bigint";
      await postgres.ask(sql, { before }, again);
    },
  };
}
