import { Problem } from "./errors.ts";

const unreachable = new Set([
  ...[
    "ECONNREFUSED",
    "ECONNRESET",
    "EPIPE",
    "ETIMEDOUT",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ENOTFOUND",
    "EAI_AGAIN",
    "ENOENT",
  ],
  // admin_shutdown, crash_shutdown, cannot_connect_now, too_many_connections, idle_in_transaction_session_timeout,
  // read_only_sql_transaction: a primary that has become a standby
  ...["57P01", "57P02", "57P03", "53300", "25P03", "25006"],
]);
const refused = new Set(["28000", "28P01", "3D000", "42501", "3F000"]);
const conflicts = new Set(["40001", "40P01"]);
const diskFull = "53100";

/** Whether the connection is gone, and with it any word of what became of the last statement. */
export function isLost(error: unknown): boolean {
  if (error instanceof Problem) return error.code === "ledger-unavailable";
  const { code, message = "" } = error as { code?: string; message?: string };
  if (code !== undefined) return unreachable.has(code) || code.startsWith("08");
  return /^(Connection terminated|Client has encountered|timeout exceeded|Query read timeout|Client was closed)/.test(
    message,
  );
}

/** Whether the server took nothing of a transaction because another one stood in its way. */
export function isConflict(error: unknown): boolean {
  return conflicts.has((error as { code?: string }).code ?? "");
}

/** What a client's or server's error means; `place` is the server's address without its secrets. */
export function postgresProblem(error: unknown, place: string): Problem {
  if (error instanceof Problem) return error;
  const { code = "", message = "" } = error as { code?: string; message?: string };
  if (isLost(error)) {
    return new Problem(
      "ledger-unavailable",
      `The ledger's PostgreSQL at ${place} does not answer: ${message || code}`,
      {
        remedy: "Look whether it runs and can be reached; what was not acknowledged is done again.",
        cause: error,
      },
    );
  }
  if (refused.has(code)) {
    return new Problem("invalid-config", `PostgreSQL at ${place} refuses veil: ${message}`, {
      remedy: "Check user, password, database and rights of ledger.url; docs/ledger.md says which rights are needed.",
      cause: error,
    });
  }
  if (code === diskFull) {
    return new Problem("store-full", `PostgreSQL at ${place} has no room on its disk`, { cause: error });
  }
  return new Problem("internal", `PostgreSQL: ${message}${code && ` (${code})`}`, { cause: error });
}
