import { posix } from "node:path";

export interface KeyFilterOptions {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** A name that says of its neighbour, or of its whole folder, that it is whole; never taken itself. */
  readonly doneFile?: string | undefined;
}

/** Whether a route takes an object. Patterns know no case and no normalisation form: neither do many file servers. */
export type KeyFilter = (key: string) => boolean;

/** What is hidden is never taken. */
export function createKeyFilter({ include, exclude, doneFile }: KeyFilterOptions): KeyFilter {
  const [included, excluded] = [include, exclude].map((patterns) => patterns.map(plain)) as [string[], string[]];
  const all = included.includes("**");
  return (key) => {
    // In a bucket `..` is a name like any other.
    if (/(^|\/)\.(?!\.?(\/|$))/.test(key)) return false;
    if (doneFile !== undefined && isDoneFile(doneFile, key)) return false;
    if (all && excluded.length === 0) return true;
    const name = plain(key);
    const matches = (pattern: string) => posix.matchesGlob(name, pattern);
    return (all || included.some(matches)) && !excluded.some(matches);
  };
}

/** The key of the file that must lie beside an object. */
export function doneFileOf(doneFile: string, key: string): string {
  const slash = key.lastIndexOf("/") + 1;
  return `${key.slice(0, slash)}${doneFile.replace("*", () => key.slice(slash))}`;
}

/** Whether an object is such a file. */
export function isDoneFile(doneFile: string, key: string): boolean {
  const name = key.slice(key.lastIndexOf("/") + 1);
  const [start = "", end] = doneFile.split("*");
  if (end === undefined) return name === doneFile;
  return name.length > start.length + end.length && name.startsWith(start) && name.endsWith(end);
}

function plain(text: string): string {
  return text.normalize("NFC").toLowerCase();
}
