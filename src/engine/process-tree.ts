import { readdirSync, readFileSync } from "node:fs";

/** An engine process starts one decoder at a time, and has some threads for each core. */
const [mostProcesses, mostThreads] = [64, 4096];

/**
 * A process and all that it started and that still belong to it, on Linux; a process that ends meanwhile is none. Undefined:
 * there are more processes or threads than an engine process has, and looking at them all would hold up the service.
 */
export function processTree(pid: number): readonly number[] | undefined {
  const found = [pid];
  let threads = 0;
  for (let next = 0; next < found.length; next++) {
    // Any thread may have started some.
    for (const thread of namesIn(`/proc/${found[next]}/task`)) {
      if (++threads > mostThreads) return undefined;
      for (const child of textOf(`/proc/${found[next]}/task/${thread}/children`).split(" "))
        if (child !== "") found.push(Number(child));
    }
    if (found.length > mostProcesses) return undefined;
  }
  return found;
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
