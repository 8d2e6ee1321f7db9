import type { Postgres } from "../postgres.ts";
import type { Announcements } from "./announcements.ts";

const tables = [
  "create sequence announcements_number",
  `create table announcements (
     route text collate "C" not null,
     key text collate "C" not null,
     number bigint not null default nextval('announcements_number'),
     primary key (route, key)
   )`,
  "create unique index announcements_by_number on announcements (number)",
];
const again = { again: true };

/** Announcements in a PostgreSQL database: whoever hears of them, whoever watches the route finds them. */
export async function createPostgresAnnouncements(postgres: Postgres): Promise<Announcements> {
  await postgres.migrate("announcements", tables);
  return {
    async add(names) {
      if (names.length === 0) return;
      // In one order for everybody: two senders of the same names wait for one another, and not both for ever.
      const sql = `insert into announcements (route, key)
        select distinct s ->> 'route', s ->> 'key' from json_array_elements($names::json) s order by 1, 2
        on conflict (route, key) do update set number = nextval('announcements_number')`;
      await postgres.ask(sql, { names: JSON.stringify(names) }, again);
    },
    async next(route, limit) {
      const sql = "select number, key from announcements where route = $route order by number limit $limit";
      const rows = await postgres.ask(sql, { route, limit }, again);
      return rows.map(({ number, key }) => ({ route, key: String(key), number: Number(number) }));
    },
    async done(announcements) {
      const numbers = announcements.map(({ number }) => number);
      const sql = "delete from announcements where number = any($numbers::bigint[])";
      if (numbers.length > 0) await postgres.ask(sql, { numbers }, again);
    },
    async forget(routes) {
      const sql = "delete from announcements where route = any($routes::text[])";
      if (routes.length > 0) await postgres.ask(sql, { routes }, again);
    },
    async waiting() {
      const rows = await postgres.ask("select route, count(*) as waiting from announcements group by route", {}, again);
      return Object.fromEntries(rows.map(({ route, waiting }) => [String(route), Number(waiting)]));
    },
  };
}
