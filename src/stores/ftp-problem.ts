import { Problem, type ProblemCode } from "../errors.ts";

/** A reply's number (RFC 959), its words where those say more, or that the connection was lost before it came. */
export type FtpStatus = number | "denied" | "lost";

const statuses = new WeakMap<Error, FtpStatus>();
const codes: Readonly<Record<string, ProblemCode>> = {
  452: "store-full",
  552: "store-full",
  denied: "store-denied",
  501: "invalid-request",
  530: "store-denied",
  532: "store-denied",
  534: "store-denied",
  553: "store-denied",
};

/** What came of one command, for `statusOf` and `ftpProblem`. */
export function ftpFailure(status: FtpStatus, message: string): Error {
  const error = new Error(message);
  statuses.set(error, status);
  return error;
}

/** Undefined for what no server said. */
export function statusOf(error: unknown): FtpStatus | undefined {
  return error instanceof Error ? statuses.get(error) : undefined;
}

const denying = /permission|denied|not allowed|forbidden|access/i;

/** A reply that refuses what was asked of a path, as an `ftpFailure`. */
export function refusal({ code, message }: { readonly code: number; readonly message: string }, path: string): Error {
  // 550 says "not there" and "not yours" alike, but for its words; and some servers repeat the name.
  const name = path.slice(path.lastIndexOf("/") + 1);
  const words = message.replaceAll(path, "").replaceAll(denying.test(name) ? name : path, "");
  return ftpFailure(code === 550 && denying.test(words) ? "denied" : code, message);
}

/** A command's failure as a Problem; anything else as it is. */
export function ftpProblem(error: unknown, what: string): unknown {
  const status = statusOf(error);
  if (status === undefined) return error;
  const said = (error as Error).message;
  const isFull = status !== "lost" && /no space|disk (is )?full|quota|insufficient storage/i.test(said);
  const code = isFull ? "store-full" : codes[status];
  return new Problem(code ?? "store-unavailable", `${what}: ${said}`, { cause: error });
}
