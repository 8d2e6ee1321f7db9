import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** Resident bytes of a process together with all that it started; 0 where the system does not tell. */
export function residentBytes(pid: number): number {
  if (process.platform === "linux") return residentKilobytes(pid) * 1024;
  if (process.platform === "darwin") return groupKilobytes(pid) * 1024;
  return 0;
}

function residentKilobytes(pid: number): number {
  const own = /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`))?.[1];
  // Linux tells children by the thread that started them: a process that was broken into may start one from any.
  const children = threadsOf(pid).flatMap((thread) => read(`/proc/${pid}/task/${thread}/children`).match(/\d+/g) ?? []);
  return children.reduce((sum, child) => sum + residentKilobytes(Number(child)), Number(own ?? 0));
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    // As above.
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // The process ended between two looks; its exit event says so.
    return "";
  }
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
