import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

/** The engine processes that a process started; what a sandbox puts between the two is none. */
export function enginesOf(parent: number): number[] {
  const children = childrenOf(parent);
  return children.flatMap(({ pid, args }) => {
    if (args.startsWith(process.execPath) && args.includes("engine-process")) return [pid];
    return args.includes("engine-process") ? enginesOf(pid) : [];
  });
}

/** What a process started and has not yet buried. */
export function childrenOf(parent: number): { readonly pid: number; readonly args: string }[] {
  const all = execFileSync("ps", ["-axo", "pid=,ppid=,args="], { encoding: "utf8" }).split("\n");
  return all
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((match) => match !== null && Number(match[2]) === parent)
    .map((match) => ({ pid: Number(match![1]), args: match![3]! }));
}

/** Whether a process runs; a dead one that nobody buries does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (!existsSync(`/proc/${pid}/stat`)) return process.platform !== "linux";
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}
