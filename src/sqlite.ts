import { Worker } from "node:worker_threads";
import { Problem } from "./errors.ts";

export type SqlValue = null | number | bigint | string | Uint8Array;
export type Row = Readonly<Record<string, SqlValue>>;

export interface Statement {
  readonly sql: string;
  /** Named parameters without their `$`. */
  readonly params?: Readonly<Record<string, SqlValue>>;
}

/** What crosses to the thread: one request is one atomic unit, a message carries the requests that waited together. */
export type Request =
  | { readonly kind: "read" | "write"; readonly statements: readonly Statement[] }
  | { readonly kind: "migrate"; readonly part: string; readonly steps: readonly string[] }
  | { readonly kind: "compact" };
export type Reply =
  | { readonly rows: readonly (readonly Row[])[] }
  | { readonly error: { readonly message: string; readonly resultCode: number } };

/** One SQLite file, worked on by one thread: neither leases nor HTTP ever wait for its fsync. */
export interface Sqlite extends AsyncDisposable {
  /** Runs the statements on one snapshot; answers each one's rows. */
  read(statements: readonly Statement[]): Promise<readonly (readonly Row[])[]>;
  /** Runs the statements in order, all or none; answers each one's rows once they are on disk. */
  write(statements: readonly Statement[]): Promise<readonly (readonly Row[])[]>;
  /** Brings one owner's tables up to date: runs those steps that this file has not seen. Steps are only ever added. */
  migrate(part: string, steps: readonly string[]): Promise<void>;
  /** Writes the file anew without what was deleted, which may take a while: a copy of it must fit on the disk. */
  compact(): Promise<void>;
  /** Refuses new work with `shutting-down`, finishes what is asked already, and closes the file. */
  close(): Promise<void>;
}

interface Waiting {
  readonly request: Request;
  readonly resolve: (rows: readonly (readonly Row[])[]) => void;
  readonly reject: (problem: Problem) => void;
}

// Bounds how long one transaction holds the write lock against other processes.
const maxGroup = 256;
const sqliteFull = 13;

/** Opens or creates the file (`:memory:` for none). Failures are Problems: `invalid-config`, `store-full`, `internal`. */
export async function openSqlite(path: string): Promise<Sqlite> {
  const thread = new Worker(new URL("./sqlite-thread.ts", import.meta.url), {
    workerData: { path },
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  const waiting: Waiting[] = [];
  let group: readonly Waiting[] = [];
  let ended: Problem | undefined;
  let closing: Promise<void> | undefined;
  let drained: (() => void) | undefined;

  const exited = new Promise<void>((resolve) => thread.once("exit", () => resolve()));
  const opened = new Promise<void>((resolve, reject) => {
    thread.once("message", () => resolve());
    thread.on("error", (error) => end(new Problem("internal", `SQLite stopped: ${error.message}`, { cause: error })));
    thread.once("exit", () => end(new Problem("internal", "SQLite stopped without a reason")));

    function end(problem: Problem): void {
      ended ??= problem;
      reject(ended);
      for (const one of [...group, ...waiting.splice(0)]) one.reject(ended);
      group = [];
      drained?.();
    }
  });
  await opened.catch(async (problem: Problem) => {
    await exited;
    throw new Problem("invalid-config", `Cannot open the database ${path}: ${problem.message}`, {
      remedy: "Put the data folder on a local disk that veil may write.",
      cause: problem,
    });
  });

  thread.on("message", (replies: readonly Reply[]) => {
    const answered = group;
    group = [];
    send();
    answered.forEach(({ resolve, reject }, index) => {
      const reply = replies[index]!;
      if ("rows" in reply) resolve(reply.rows);
      else reject(translate(reply.error));
    });
  });

  // While the thread is busy with one group the next one gathers: that is the whole of group commit.
  function send(): void {
    if (group.length > 0 || ended !== undefined) return;
    // Compacting is no part of a transaction: it goes alone.
    const alone = waiting.findIndex(({ request }) => request.kind === "compact");
    group = waiting.splice(0, Math.min(maxGroup, alone < 0 ? maxGroup : Math.max(1, alone)));
    if (group.length > 0) thread.postMessage(group.map(({ request }) => request));
    else drained?.();
  }

  function ask(request: Request): Promise<readonly (readonly Row[])[]> {
    return new Promise((resolve, reject) => {
      if (closing !== undefined) return reject(new Problem("shutting-down", "The database is closed"));
      if (ended !== undefined) return reject(ended);
      waiting.push({ request, resolve, reject });
      queueMicrotask(send);
    });
  }

  function close(): Promise<void> {
    closing ??= (async () => {
      await new Promise<void>((resolve) => {
        drained = resolve;
        send();
        if (ended !== undefined) resolve();
      });
      if (ended === undefined) thread.postMessage("close");
      await exited;
    })();
    return closing;
  }

  return {
    read: (statements) => ask({ kind: "read", statements }),
    write: (statements) => ask({ kind: "write", statements }),
    migrate: async (part, steps) => void (await ask({ kind: "migrate", part, steps })),
    compact: async () => void (await ask({ kind: "compact" })),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function translate({ message, resultCode }: { message: string; resultCode: number }): Problem {
  if ((resultCode & 0xff) === sqliteFull) return new Problem("store-full", "The data folder's disk is full");
  return new Problem("internal", `SQLite: ${message}`);
}
