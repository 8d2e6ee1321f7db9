import type { Sqlite } from "../sqlite.ts";
import type { Leases } from "./leases.ts";

const tables = [
  `create table leases (
     name text primary key,
     holder text,
     fence integer not null,
     held_until integer not null
   ) strict, without rowid;`,
];
const now = "cast(unixepoch('subsec') * 1000 as integer)";

/** Leases in a SQLite file. */
export async function createSqliteLeases(sqlite: Sqlite): Promise<Leases> {
  await sqlite.migrate("leases", tables);

  async function change(sql: string, params: Record<string, string | number>): Promise<number | undefined> {
    const [rows] = await sqlite.write([{ sql: `${sql} returning fence`, params }]);
    return rows![0] && Number(rows![0].fence);
  }

  return {
    acquire: (name, holder, ttlMs) =>
      change(
        `insert into leases values ($name, $holder, 1, ${now} + $ttlMs)
          on conflict (name) do update set holder = excluded.holder, fence = fence + 1, held_until = excluded.held_until
          where leases.holder is null or leases.holder = excluded.holder or leases.held_until <= ${now}`,
        { name, holder, ttlMs },
      ),
    renew: async (name, fence, ttlMs) =>
      (await change(
        `update leases set held_until = ${now} + $ttlMs where name = $name and fence = $fence and holder is not null`,
        { name, fence, ttlMs },
      )) !== undefined,
    async release(name, fence) {
      await change("update leases set holder = null, held_until = 0 where name = $name and fence = $fence", {
        name,
        fence,
      });
    },
  };
}
