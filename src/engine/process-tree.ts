import { readdirSync, readFileSync } from "node:fs";

/** A process and all that it started and that still belong to it, on Linux; a process that ends meanwhile is none. */
export function processTree(pid: number): readonly number[] {
  // Any thread may have started some.
  const children = namesIn(`/proc/${pid}/task`).flatMap((thread) =>
    textOf(`/proc/${pid}/task/${thread}/children`).split(" ").filter(Boolean).map(Number),
  );
  return [pid, ...children.flatMap(processTree)];
}

/** Empty for what is not there any more, or may not be looked at. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Likewise. */
export function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
