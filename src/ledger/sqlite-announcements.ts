import type { Sqlite } from "../sqlite.ts";
import type { Announcements } from "./announcements.ts";

const tables = [
  `create table announcements (
     number integer primary key autoincrement,
     route text not null,
     key text not null
   ) strict;
   create unique index announcements_by_name on announcements (route, key);`,
];

/** Announcements in a SQLite file. */
export async function createSqliteAnnouncements(sqlite: Sqlite): Promise<Announcements> {
  await sqlite.migrate("announcements", tables);
  return {
    async add(names) {
      const params = { names: JSON.stringify(names) };
      const sql = `insert or replace into announcements (route, key)
        select value ->> 'route', value ->> 'key' from json_each($names)`;
      if (names.length > 0) await sqlite.write([{ sql, params }]);
    },
    async next(route, limit) {
      const sql = "select number, key from announcements where route = $route order by number limit $limit";
      const [rows] = await sqlite.read([{ sql, params: { route, limit } }]);
      return rows!.map(({ number, key }) => ({ route, key: String(key), number: Number(number) }));
    },
    async done(announcements) {
      const params = { numbers: JSON.stringify(announcements.map(({ number }) => number)) };
      const sql = "delete from announcements where number in (select value from json_each($numbers))";
      if (announcements.length > 0) await sqlite.write([{ sql, params }]);
    },
    async forget(routes) {
      const params = { routes: JSON.stringify(routes) };
      const sql = "delete from announcements where route in (select value from json_each($routes))";
      if (routes.length > 0) await sqlite.write([{ sql, params }]);
    },
    async waiting() {
      const [rows] = await sqlite.read([
        { sql: "select route, count(*) as waiting from announcements group by route" },
      ]);
      return Object.fromEntries(rows!.map(({ route, waiting }) => [String(route), Number(waiting)]));
    },
  };
}
