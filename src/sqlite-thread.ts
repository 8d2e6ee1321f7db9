import { DatabaseSync, type StatementSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import type { Reply, Request, Row, Statement } from "./sqlite.ts";

// The thread of sqlite.ts: each message is a group of requests that share one transaction, each in its own savepoint.

const port = parentPort!;
const path = (workerData as { path: string }).path;
const db = new DatabaseSync(path, { timeout: 10_000, allowUnknownNamedParameters: true });
const prepared = new Map<string, StatementSync>();
const maxPrepared = 200;

const mode = db.prepare("pragma journal_mode = wal").get() as { journal_mode: string };
if (path !== ":memory:" && mode.journal_mode !== "wal") {
  throw new Error(
    `Expected a disk that supports write-ahead logging for ${path} but received mode ${mode.journal_mode}`,
  );
}
db.exec(
  "pragma synchronous = full; pragma foreign_keys = on; pragma journal_size_limit = 67108864; pragma cache_size = -32768",
);

port.on("message", (message: readonly Request[] | "close") => {
  if (message === "close") {
    prepared.clear();
    db.close();
    port.close();
  } else {
    port.postMessage(message[0]?.kind === "compact" ? [compact()] : runGroup(message));
  }
});
port.postMessage("opened");

function runGroup(requests: readonly Request[]): readonly Reply[] {
  try {
    // Asking for the write lock first: a transaction that reads and then writes would fail when another process wrote.
    db.exec(requests.every(({ kind }) => kind === "read") ? "begin" : "begin immediate");
    const replies = requests.map((request) => runRequest(request as Exclude<Request, { kind: "compact" }>));
    db.exec("commit");
    return replies;
  } catch (error) {
    if (db.isTransaction) db.exec("rollback");
    return requests.map(() => ({ error: describe(error) }));
  }
}

function compact(): Reply {
  try {
    prepared.clear();
    db.exec("vacuum; pragma wal_checkpoint(truncate)");
    return { rows: [] };
  } catch (error) {
    return { error: describe(error) };
  }
}

function runRequest(request: Exclude<Request, { kind: "compact" }>): Reply {
  db.exec("savepoint request");
  try {
    const rows =
      request.kind === "migrate" ? migrate(request.part, request.steps) : request.statements.map(runStatement);
    db.exec("release request");
    return { rows };
  } catch (error) {
    // A full disk or a failing one ends the whole transaction: then no request of the group has happened.
    if (!db.isTransaction) throw error;
    db.exec("rollback to request; release request");
    return { error: describe(error) };
  }
}

function runStatement({ sql, params }: Statement): readonly Row[] {
  let statement = prepared.get(sql);
  if (statement === undefined) {
    if (prepared.size >= maxPrepared) prepared.clear();
    statement = db.prepare(sql);
    prepared.set(sql, statement);
  }
  return (params === undefined ? statement.all() : statement.all({ ...params })) as unknown as readonly Row[];
}

// Not SQLite's user_version: that is one number per file, and ledger and queue may share a file.
function migrate(part: string, steps: readonly string[]): readonly (readonly Row[])[] {
  db.exec(
    "create table if not exists migrations (part text primary key, version integer not null) strict, without rowid",
  );
  const row = db.prepare("select version from migrations where part = ?").get(part) as { version: number } | undefined;
  const version = row?.version ?? 0;
  if (version > steps.length) {
    throw new Error(`Expected version ${steps.length} or older for the tables of ${part} but received ${version}`);
  }
  for (const step of steps.slice(version)) db.exec(step);
  db.prepare("insert or replace into migrations values (?, ?)").run(part, steps.length);
  return [];
}

function describe(error: unknown): { message: string; resultCode: number } {
  const { message, errcode } = error as { message: string; errcode?: number };
  return { message, resultCode: errcode ?? 0 };
}
