import type { Postgres } from "../postgres.ts";
import type { Leases } from "./leases.ts";

const tables = [
  `create table leases (
     name text collate "C" primary key,
     holder text,
     fence bigint not null,
     held_until bigint not null
   )`,
];
const now = "(extract(epoch from clock_timestamp()) * 1000)::bigint";
const again = { again: true };

/** Leases in a PostgreSQL database. */
export async function createPostgresLeases(postgres: Postgres): Promise<Leases> {
  await postgres.migrate("leases", tables);
  return {
    async acquire(name, holder, ttlMs) {
      const [row] = await postgres.ask(
        `insert into leases values ($name, $holder, 1, ${now} + $ttlMs::bigint)
          on conflict (name) do update set holder = excluded.holder, fence = leases.fence + 1,
            held_until = excluded.held_until
          where leases.holder is null or leases.holder = excluded.holder or leases.held_until <= ${now}
          returning fence`,
        { name, holder, ttlMs },
        again,
      );
      return row && Number(row.fence);
    },
    async renew(name, fence, ttlMs) {
      const rows = await postgres.ask(
        `update leases set held_until = ${now} + $ttlMs::bigint
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
