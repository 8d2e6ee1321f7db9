import { Problem, type ProblemCode } from "../errors.ts";

const codes: Readonly<Record<string, ProblemCode>> = {
  EACCES: "store-denied",
  EPERM: "store-denied",
  EROFS: "store-denied",
  ENOSPC: "store-full",
  EDQUOT: "store-full",
  ENAMETOOLONG: "invalid-request",
  EILSEQ: "invalid-request",
  ELOOP: "invalid-request",
};

/** A file system's error as a Problem; what the table does not name (ESTALE, EIO, ENOTCONN, …) is a store out of reach. */
export function fsProblem(error: unknown, what: string): unknown {
  const code = errorCode(error);
  if (code === undefined) return error;
  return new Problem(codes[code] ?? "store-unavailable", `${what}: ${code}`, { cause: error });
}

/** For example ENOENT; undefined for what no system call said. */
export function errorCode(error: unknown): string | undefined {
  if (error instanceof Problem || !(error instanceof Error) || !("syscall" in error)) return undefined;
  return "code" in error && typeof error.code === "string" ? error.code : undefined;
}
