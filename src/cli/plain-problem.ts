import { Problem, type ProblemCode, toProblem } from "../errors.ts";

/** What the operating system's refusals mean to a person. */
const sentences: Readonly<Record<string, readonly [code: ProblemCode, sentence: string]>> = {
  ENOENT: ["not-found", "there is no such file or folder"],
  ENOTDIR: ["invalid-request", "expected a folder but it is a file"],
  EEXIST: ["invalid-request", "expected a folder but it is a file"],
  EISDIR: ["invalid-request", "expected a file but it is a folder"],
  EACCES: ["store-denied", "permission denied"],
  EPERM: ["store-denied", "permission denied"],
  EROFS: ["store-denied", "the disk is read-only"],
  ENOSPC: ["store-full", "the disk is full"],
};

/** A failure with one input, named by it as it was given; what is no Problem stays as it is. */
export function naming(input: string, error: unknown): unknown {
  if (!(error instanceof Problem) || input === "-" || error.message.startsWith(`${input}: `)) return error;
  return new Problem(error.code, `${input}: ${error.message}`, {
    ...(error.remedy !== undefined && { remedy: error.remedy }),
    cause: error.cause ?? error,
  });
}

/** Any failure of a command as a Problem in plain words; files are named as they were given. */
export function plainProblem(error: unknown): Problem {
  if (!(error instanceof Error) || error instanceof Problem) return toProblem(error);
  const { code = "", path } = error as NodeJS.ErrnoException;
  const known = sentences[code];
  if (known === undefined || path === undefined) return toProblem(error);
  return new Problem(known[0], `${path}: ${known[1]}`, { cause: error });
}
