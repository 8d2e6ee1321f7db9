import { type ProblemClass, type ProblemCode, problems } from "../errors.ts";

/** Numbers of jobs by code as numbers by class, the most frequent first. */
export function countByClass(
  counts: readonly { readonly code: ProblemCode; readonly jobs: number }[],
): Readonly<Partial<Record<ProblemClass, number>>> {
  const sums = new Map<ProblemClass, number>();
  for (const { code, jobs } of counts) {
    // A newer veil may have written a code that this one does not know.
    const name = problems[code]?.class ?? "internal";
    sums.set(name, (sums.get(name) ?? 0) + jobs);
  }
  return Object.fromEntries([...sums].sort((a, b) => b[1] - a[1]));
}
