/** The kinds of trouble that the page has words for: the classes of docs/errors.md. */
export const troubleClasses = [
  "unreadable",
  "unsupported",
  "too-large",
  "doubtful",
  "residue",
  "store",
  "queue",
  "ledger",
  "no-room",
  "gone",
  "timeout",
  "crash",
  "out-of-memory",
  "interrupted",
  "setup",
  "request",
  "internal",
] as const;

/** Whether the page has words for it; a newer service may know more. */
export function isTroubleClass(name: string): name is (typeof troubleClasses)[number] {
  return (troubleClasses as readonly string[]).includes(name);
}
