import { createBell } from "../bell.ts";
import { type Problem, toProblem } from "../errors.ts";
import type { Sqlite } from "../sqlite.ts";

/** What somebody has told to wait: routes, or everything. It outlasts restarts, and every process of veil sees it. */
export interface Pauses {
  /** Without a route: everything in the bulk lane. */
  pause(route?: string): Promise<void>;
  /** Without a route: all pauses end. */
  resume(route?: string): Promise<void>;
  /** As the database has it now. */
  read(): Promise<Paused>;
}

export interface Paused {
  readonly all: boolean;
  readonly routes: readonly string[];
}

const tables = ["create table pauses (route text primary key, since integer not null) strict, without rowid;"];
/** No route is called so. */
const everything = "";

/** Pauses in a SQLite file. */
export async function createPauses(sqlite: Sqlite): Promise<Pauses> {
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
      const names = rows!.map(({ route }) => String(route));
      return { all: names.includes(everything), routes: names.filter((name) => name !== everything) };
    },
  };
}

export interface WatchedPauses {
  /** At most a second old. */
  current(): Paused;
  /** Looks again and again; ends when the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** Pauses as the worker sees them, without a question to the database for each job. */
export async function watchPauses(
  pauses: Pick<Pauses, "read">,
  onProblem: (problem: Problem) => void,
  everyMs = 1000,
): Promise<WatchedPauses> {
  let paused = await pauses.read();
  return {
    current: () => paused,
    async run(signal) {
      const clock = createBell();
      while (!signal.aborted) {
        await clock.wait(everyMs, signal);
        if (signal.aborted) return;
        try {
          paused = await pauses.read();
        } catch (error) {
          onProblem(toProblem(error));
        }
      }
    },
  };
}
