import { setTimeout as sleep } from "node:timers/promises";
import type { Client, ClientConfig, PoolClient } from "pg";
import { Problem } from "./errors.ts";
import { readPostgresAddress } from "./postgres-address.ts";
import { createLocks } from "./postgres-locks.ts";
import { type Serving, showServing, whileNobodyServes } from "./postgres-presence.ts";
import { isConflict, isLost, postgresProblem } from "./postgres-problem.ts";

export type PostgresValue = null | boolean | number | string | Uint8Array | readonly string[] | readonly number[];
export type PostgresRow = Readonly<Record<string, null | boolean | number | string | Uint8Array>>;
/** Runs one statement with named parameters (`$name`); answers its rows. */
export type Ask = (sql: string, params?: Readonly<Record<string, PostgresValue>>) => Promise<readonly PostgresRow[]>;

export interface PostgresOptions {
  /** `postgres://user:password@host:5432/database`; with `?sslmode=require` by TLS, whose certificate must be valid. */
  readonly url: string;
  /** Certificate authorities in PEM that the server's must come from; with them TLS is used anyway. */
  readonly ca?: string;
  /** How long a call waits for a server that is away. */
  readonly patienceMs?: number;
  readonly maxConnections?: number;
  /** Absent: no process that serves, but one that looks or writes now and then. */
  readonly serving?: Serving;
}

/** One database, over a few connections that come back by themselves. Failures are Problems, as postgres-problem.ts has them. */
export interface Postgres extends AsyncDisposable {
  /** Server, port and database, without secrets. */
  readonly place: string;
  /** One statement that is its own transaction; with `again` it may be run twice, where nobody can tell whether it was run. */
  readonly ask: (
    sql: string,
    params?: Readonly<Record<string, PostgresValue>>,
    options?: { readonly again: boolean },
  ) => Promise<readonly PostgresRow[]>;
  /** Statements that are a transaction each; as for `transaction` with `again`. */
  each<T>(work: (ask: Ask, isSecond: boolean) => Promise<T>): Promise<T>;
  /** Several reads on one snapshot. */
  snapshot<T>(work: (ask: Ask) => Promise<T>): Promise<T>;
  /**
   * All or nothing, on disk when it resolves; each statement sees what was committed before it. `work` is run again after
   * a conflict, and with `again` also where nobody can tell whether it was committed: then `isSecond` is true.
   */
  transaction<T>(work: (ask: Ask, isSecond: boolean) => Promise<T>, options?: { readonly again: boolean }): Promise<T>;
  /** Runs work while nobody else over this database runs work of that name; see postgres-locks.ts. */
  alone<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Brings one owner's tables up to date: runs those steps that this database has not seen. Steps are only ever added. */
  migrate(part: string, steps: readonly string[]): Promise<void>;
  /**
   * Writes tables anew, so that nothing of what was deleted is left in them. False, and nothing done: some process serves
   * over this database, or is at it too.
   */
  rewrite(tables: readonly string[]): Promise<boolean>;
  close(): Promise<void>;
}

const connectMs = 5000;
/** A server that is silent for longer is given up. */
const silentMs = 60_000;
const rewriteMs = 24 * 3_600_000;
/** A put that takes longer holds up whoever else has something for that output: that one is tried again later. */
const lockMs = 120_000;
/** A constant of veil's own among advisory locks. */
const migrating = 7_310_528_001;
// What a host that lost its power had begun is given up soon, and its sessions after a minute: others wait for its locks.
// Whoever waited for a lock has to see what was committed under it, whatever the server's default is.
const settings = `select
  set_config('synchronous_commit', case when current_setting('synchronous_commit') in ('off', 'local', 'remote_write')
    then 'on' else current_setting('synchronous_commit') end, false),
  set_config('idle_in_transaction_session_timeout', '15s', false),
  set_config('tcp_keepalives_idle', '30', false), set_config('tcp_keepalives_interval', '10', false),
  set_config('tcp_keepalives_count', '3', false),
  set_config('default_transaction_isolation', 'read committed', false)`;
const begin = "begin isolation level read committed";

/** Connects, and refuses a server that would forget what it has confirmed. The client is loaded on first use. */
export async function openPostgres(options: PostgresOptions): Promise<Postgres> {
  const { patienceMs = 30_000, maxConnections = 8, serving } = options;
  const { config, place } = connectionOf(options);
  const { default: pg } = await import("pg");
  const types = {
    // Times, sizes and numbers of records: all below 2^53.
    getTypeParser: (oid: number, format?: "text" | "binary") =>
      oid === 20 || oid === 1700 ? Number : pg.types.getTypeParser(oid, format),
  };
  const pool = new pg.Pool({
    ...config,
    ...{ types, max: maxConnections, keepAlive: true, application_name: "veil" },
    // Who serves is to be seen while it is idle too.
    ...(serving !== undefined && { min: 1 }),
    ...{ connectionTimeoutMillis: connectMs, query_timeout: silentMs, idleTimeoutMillis: 30_000 },
  } as ClientConfig);
  // An idle connection that is lost is no news: the next call makes a new one.
  pool.on("error", () => {});
  const ready = new WeakSet<PoolClient>();
  const closing = new AbortController();

  async function connect(): Promise<PoolClient> {
    const client = await pool.connect();
    if (ready.has(client)) return client;
    try {
      client.on("error", () => {});
      await client.query(settings);
      if (serving !== undefined) await showServing(client, serving, place);
      ready.add(client);
      return client;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  /** Until it is answered or the patience is over. */
  async function run<T>(work: (client: PoolClient, isSecond: boolean) => Promise<T>, again: boolean): Promise<T> {
    if (closing.signal.aborted) throw new Problem("shutting-down", "The database is closed");
    const until = performance.now() + patienceMs;
    let isSecond = false;
    for (let restMs = 50; ; restMs = Math.min(restMs * 2, 1000)) {
      let client: PoolClient | undefined;
      try {
        client = await connect();
        const answer = await work(client, isSecond);
        client.release();
        return answer;
      } catch (error) {
        const lost = isLost(error);
        client?.release(lost);
        const isFree = client === undefined ? lost : isConflict(error) || (lost && again);
        if (!isFree || closing.signal.aborted || performance.now() + restMs > until)
          throw postgresProblem(error, place);
        if (client !== undefined && lost) isSecond = true;
      }
      await sleep(restMs, undefined, { signal: closing.signal }).catch(() => {
        throw new Problem("shutting-down", "The database is closed");
      });
    }
  }

  const within =
    <T>(opening: string, work: (ask: Ask, isSecond: boolean) => Promise<T>) =>
    async (client: PoolClient, isSecond: boolean): Promise<T> => {
      await client.query(opening);
      try {
        const answer = await work((sql, params) => askOf(client, sql, params), isSecond);
        await client.query("commit");
        return answer;
      } catch (error) {
        // A connection that is lost has rolled back; of any other error the first one counts.
        if (!isLost(error)) await client.query("rollback").catch(() => {});
        throw error;
      }
    };

  async function openSession(): Promise<Client> {
    const times = { connectionTimeoutMillis: connectMs, query_timeout: silentMs };
    const client = new pg.Client({ ...config, keepAlive: true, application_name: "veil", ...times } as ClientConfig);
    // That it is lost shows with the next question.
    client.on("error", () => {});
    try {
      await client.connect();
      await client.query(settings);
      return client;
    } catch (error) {
      await client.end().catch(() => {});
      throw error;
    }
  }
  const locks = createLocks(openSession, closing.signal, { awayMs: patienceMs, heldMs: lockMs });

  const database: Postgres = {
    place,
    ask: (sql, params, { again } = { again: false }) => run((client) => askOf(client, sql, params), again),
    each: (work) => run((client, isSecond) => work((sql, params) => askOf(client, sql, params), isSecond), true),
    snapshot: (work) => run(within("begin isolation level repeatable read read only", work), true),
    transaction: (work, { again } = { again: false }) => run(within(begin, work), again),
    alone: locks.alone,
    migrate: (part, steps) =>
      run(
        within(begin, async (ask) => {
          await ask(`select pg_advisory_xact_lock(${migrating})`);
          await ask("create table if not exists migrations (part text primary key, version integer not null)");
          const [row] = await ask("select version from migrations where part = $part", { part });
          const version = Number(row?.version ?? 0);
          if (version > steps.length) {
            const detail = `Expected version ${steps.length} or older for the tables of ${part} but received ${version}`;
            throw new Problem("invalid-config", detail, {
              remedy: "A newer veil has used this database: update this one.",
            });
          }
          if (version === steps.length) return;
          for (const step of steps.slice(version)) await ask(step);
          const sql = `insert into migrations values ($part, $version)
            on conflict (part) do update set version = excluded.version`;
          await ask(sql, { part, version: steps.length });
        }),
        true,
      ),
    rewrite: (tables) =>
      run(
        (client) =>
          whileNobodyServes(client, async () => {
            for (const table of tables)
              await client.query({ text: `vacuum full ${table}`, query_timeout: rewriteMs } as { text: string });
          }),
        true,
      ),
    async close() {
      if (closing.signal.aborted) return;
      closing.abort();
      await locks.close();
      await pool.end();
    },
    [Symbol.asyncDispose]: () => database.close(),
  };

  try {
    const [server] = await database.ask(
      "select current_setting('fsync') as fsync, current_setting('server_encoding') as encoding, current_setting('server_version_num')::int as version",
      {},
      { again: true },
    );
    const { fsync, encoding, version } = server!;
    const fault =
      (fsync !== "on" && `fsync is ${fsync}: what it has confirmed would be lost with its power`) ||
      (encoding !== "UTF8" && `its encoding is ${encoding}`) ||
      (Number(version) < 130_000 && "it is older than PostgreSQL 13");
    if (fault) throw new Problem("invalid-config", `The database at ${place} can't hold the ledger: ${fault}`);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

const parsed = new Map<string, { readonly text: string; readonly names: readonly string[] }>();

async function askOf(
  client: PoolClient,
  sql: string,
  params?: Readonly<Record<string, PostgresValue>>,
): Promise<readonly PostgresRow[]> {
  if (params === undefined) return ((await client.query(sql)).rows ?? []) as PostgresRow[];
  let statement = parsed.get(sql);
  if (statement === undefined) {
    const names: string[] = [];
    const text = sql.replace(/\$([a-z]\w*)/gi, (_, name: string) => {
      if (!names.includes(name)) names.push(name);
      return `$${names.indexOf(name) + 1}`;
    });
    statement = { text, names };
    parsed.set(sql, statement);
  }
  const values = statement.names.map((name) => {
    const value = params[name];
    return value instanceof Uint8Array ? Buffer.from(value) : value;
  });
  return (await client.query(statement.text, values)).rows as PostgresRow[];
}

/** A certificate is always checked: `sslmode=require` means `verify-full` here. */
function connectionOf({ url, ca }: PostgresOptions): { readonly config: ClientConfig; readonly place: string } {
  const address = readPostgresAddress(url);
  if (typeof address === "string") throw new Problem("invalid-config", `ledger.url can't be read: ${address}`);
  const { isEncrypted, isOpen, ...config } = address;
  const ssl = (ca !== undefined || isEncrypted) && { ssl: ca === undefined ? {} : { ca } };
  return { config: { ...config, ...ssl }, place: `${config.host}:${config.port}/${config.database}` };
}
