import type { Postgres } from "../postgres.ts";
import type { Leases } from "./leases.ts";

const tables = [
  `create table leases (
     name text collate "C" primary key,
     holder text,
     fence bigint not null,
     held_until bigint not null
   )`,
  "alter table leases add column ttl_ms bigint",
];
const now = "(extract(epoch from clock_timestamp()) * 1000)::bigint";
const again = { again: true };

/** Leases in a PostgreSQL database. */
export async function createPostgresLeases(postgres: Postgres): Promise<Leases> {
  await postgres.migrate("leases", tables);
  return {
    async acquire(name, holder, ttlMs) {
      const [row] = await postgres.ask(
        `insert into leases values ($name, $holder, 1, ${now} + $ttlMs::bigint, $ttlMs)
          on conflict (name) do update set holder = excluded.holder, fence = leases.fence + 1,
            held_until = excluded.held_until, ttl_ms = excluded.ttl_ms
          where leases.holder is null or leases.holder = excluded.holder or leases.held_until <= ${now}
          returning fence`,
        { name, holder, ttlMs },
        again,
      );
      if (row !== undefined) return Number(row.fence);
      // Where the database's clock was set back it would last until the old time comes again. Who lives renews it.
      await postgres.ask(
        `update leases set held_until = ${now} + ttl_ms where name = $name and held_until > ${now} + ttl_ms`,
        { name },
        again,
      );
      return undefined;
    },
    async renew(name, fence, ttlMs) {
      const rows = await postgres.ask(
        `update leases set held_until = ${now} + $ttlMs::bigint, ttl_ms = $ttlMs
          where name = $name and fence = $fence and holder is not null returning fence`,
        { name, fence, ttlMs },
        again,
      );
      return rows.length > 0;
    },
    async release(name, fence) {
      const sql = "update leases set holder = null, held_until = 0 where name = $name and fence = $fence";
      await postgres.ask(sql, { name, fence }, again);
    },
  };
}
