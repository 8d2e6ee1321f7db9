import { execFileSync } from "node:child_process";
import { processTree, textOf } from "./process-tree.ts";

/** Resident bytes of a process together with all that it started; 0 where the system does not tell. */
export function residentBytes(pid: number): number {
  if (process.platform === "linux") return residentKilobytes(pid) * 1024;
  if (process.platform === "darwin") return groupKilobytes(pid) * 1024;
  return 0;
}

function residentKilobytes(pid: number): number {
  const own = (one: number) => Number(/^VmRSS:\s+(\d+) kB/m.exec(textOf(`/proc/${one}/status`))?.[1] ?? 0);
  return processTree(pid)?.reduce((sum, one) => sum + own(one), 0) ?? Number.POSITIVE_INFINITY;
}

/** An engine process leads a group of its own: what it started is in it. */
function groupKilobytes(leader: number): number {
  try {
    const lines = execFileSync("ps", ["-axo", "pgid=,rss="], { encoding: "utf8" }).trim().split("\n");
    const rows = lines.map((line) => line.trim().split(/\s+/).map(Number));
    return rows.reduce((sum, [group, kilobytes]) => (group === leader ? sum + kilobytes! : sum), 0);
  } catch {
    return 0;
  }
}
