import type { z } from "zod";
import { Problem } from "../errors.ts";

/** A request may have a thousand faults; nobody reads more than the first. */
const maxNamed = 5;

/** What a schema refused, as an invalid-request. `of` is what it looked at, for example `regions`. */
export function refusal({ issues }: z.core.$ZodError, of: string): Problem {
  return refusalOf(issues.map(({ path, message }) => ({ path: [of, ...path].join("/"), message })));
}

/** The first few of some faults as an invalid-request. */
export function refusalOf(faults: readonly { readonly path: string; readonly message: string | undefined }[]): Problem {
  const named = faults.slice(0, maxNamed).map(({ path, message }) => `${path}: ${message}`);
  const rest = faults.length - named.length;
  if (rest > 0) named.push(`and ${rest} more`);
  return new Problem("invalid-request", named.join("; "), { remedy: "See /api/docs." });
}
