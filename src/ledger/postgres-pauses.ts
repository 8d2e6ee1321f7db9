import type { Postgres } from "../postgres.ts";
import { everything, type Pauses, toPaused } from "./pauses.ts";

const tables = ['create table pauses (route text collate "C" primary key, since bigint not null)'];
const again = { again: true };

/** Pauses in a PostgreSQL database: they hold for every host. */
export async function createPostgresPauses(postgres: Postgres): Promise<Pauses> {
  await postgres.migrate("pauses", tables);
  return {
    async pause(route = everything) {
      const params = { route, since: Date.now() };
      await postgres.ask("insert into pauses values ($route, $since) on conflict do nothing", params, again);
    },
    async resume(route = everything) {
      const params = { route, all: route === everything };
      await postgres.ask("delete from pauses where $all::boolean or route = $route", params, again);
    },
    async read() {
      const rows = await postgres.ask("select route from pauses order by route", {}, again);
      return toPaused(rows.map(({ route }) => String(route)));
    },
  };
}
