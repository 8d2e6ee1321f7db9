import type { Sqlite } from "../sqlite.ts";
import { everything, type Pauses, toPaused } from "./pauses.ts";

const tables = ["create table pauses (route text primary key, since integer not null) strict, without rowid;"];

/** Pauses in a SQLite file. */
export async function createSqlitePauses(sqlite: Sqlite): Promise<Pauses> {
  await sqlite.migrate("pauses", tables);
  return {
    async pause(route = everything) {
      const params = { route, since: Date.now() };
      await sqlite.write([{ sql: "insert into pauses values ($route, $since) on conflict do nothing", params }]);
    },
    async resume(route = everything) {
      const params = { route, all: Number(route === everything) };
      await sqlite.write([{ sql: "delete from pauses where $all or route = $route", params }]);
    },
    async read() {
      const [rows] = await sqlite.read([{ sql: "select route from pauses order by route" }]);
      return toPaused(rows!.map(({ route }) => String(route)));
    },
  };
}
