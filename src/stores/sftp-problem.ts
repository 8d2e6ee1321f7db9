import { Problem, type ProblemCode } from "../errors.ts";

/** The status codes of the protocol's version 3 that are told apart. */
export const sftpStatus = { noSuchFile: 2, denied: 3, failure: 4, badMessage: 5, unsupported: 8 } as const;

/** One of those (or another) of the server's, or that the connection was lost before it answered. */
export type SftpStatus = number | "lost";

const statuses = new WeakMap<Error, SftpStatus>();
const codes: Readonly<Record<string, ProblemCode>> = {
  [sftpStatus.denied]: "store-denied",
  // OpenSSH's word for ENAMETOOLONG and EINVAL.
  [sftpStatus.badMessage]: "invalid-request",
};

/** What came of one request to the server, for `statusOf` and `sftpProblem`. */
export function sftpFailure(status: SftpStatus, message: string): Error {
  const error = new Error(message);
  statuses.set(error, status);
  return error;
}

/** Undefined for what no server said. */
export function statusOf(error: unknown): SftpStatus | undefined {
  return error instanceof Error ? statuses.get(error) : undefined;
}

/** A request's failure as a Problem; anything else as it is. */
export function sftpProblem(error: unknown, what: string): unknown {
  const status = statusOf(error);
  if (status === undefined) return error;
  const said = (error as Error).message;
  return new Problem(codes[status] ?? "store-unavailable", `${what}: ${said}`, { cause: error });
}
