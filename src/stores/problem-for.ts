import { Problem } from "../errors.ts";

/** A problem of the way to a server, with what it was wanted for; anything else as it is. */
export function problemFor(what: string, error: unknown): unknown {
  if (!(error instanceof Problem)) return error;
  const { code, message, remedy } = error;
  return new Problem(code, `${what}: ${message}`, { ...(remedy !== undefined && { remedy }), cause: error });
}
