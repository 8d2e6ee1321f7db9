import type { Sqlite } from "../sqlite.ts";
import { type Keys, toStoredKey } from "./keys.ts";

const tables = [
  `create table access_keys (
     id text primary key,
     kind text not null,
     name text not null,
     roles text not null,
     hash text not null,
     created_at integer not null,
     expires_at integer,
     revoked_at integer,
     used_at integer,
     parent text
   ) strict, without rowid;`,
];

/** Keys and sessions in a SQLite file. */
export async function createSqliteKeys(sqlite: Sqlite): Promise<Keys> {
  await sqlite.migrate("access_keys", tables);
  const rowsOf = async (sql: string, params = {}) => (await sqlite.read([{ sql, params }]))[0]!;
  return {
    async add({ id, kind, name, roles, hash, createdAt, expiresAt = null, parent = null }) {
      const params = { id, kind, name, roles: JSON.stringify(roles), hash, createdAt, expiresAt, parent };
      const sql = `insert into access_keys (id, kind, name, roles, hash, created_at, expires_at, parent)
        values ($id, $kind, $name, $roles, $hash, $createdAt, $expiresAt, $parent)`;
      await sqlite.write([{ sql, params }]);
    },
    async get(id) {
      const [row] = await rowsOf("select * from access_keys where id = $id", { id });
      return row && toStoredKey(row);
    },
    async list() {
      const rows = await rowsOf("select * from access_keys where kind = 'key' order by created_at desc, id");
      return rows.map(toStoredKey);
    },
    async any(at) {
      const sql = `select 1 from access_keys
        where kind = 'key' and revoked_at is null and (expires_at is null or expires_at > $at) limit 1`;
      return (await rowsOf(sql, { at })).length > 0;
    },
    async revoke(id, at) {
      const sql = `update access_keys set revoked_at = $at
        where (id = $id or parent = $id) and revoked_at is null returning id`;
      const [rows] = await sqlite.write([{ sql, params: { id, at } }]);
      return rows!.some((row) => row.id === id);
    },
    async used(id, at) {
      await sqlite.write([{ sql: "update access_keys set used_at = $at where id = $id", params: { id, at } }]);
    },
    async forget(before) {
      const sql = "delete from access_keys where kind = 'session' and coalesce(revoked_at, expires_at) < $before";
      await sqlite.write([{ sql, params: { before } }]);
    },
  };
}
