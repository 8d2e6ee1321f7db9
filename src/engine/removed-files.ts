import { type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { namesIn, processTree, textOf } from "./process-tree.ts";

/**
 * How much the files take, bytes, that a process and those it started hold open or have in memory and that have no name
 * any more: on the disk, where no folder shows them. 0 where the system does not tell.
 */
export function removedBytes(pid: number): number {
  if (process.platform !== "linux") return 0;
  const processes = processTree(pid);
  if (processes === undefined) return Number.POSITIVE_INFINITY;
  const held = new Map<string, number>();
  const mapped = new Map<string, number>();
  for (const one of processes) {
    for (const stats of namesIn(`/proc/${one}/fd`).map((name) => statsOf(join(`/proc/${one}/fd`, name))))
      if (stats?.isFile() && stats.nlink === 0) held.set(String(stats.ino), stats.blocks * 512);
    // One that was closed since.
    for (const [, start, end, inode = ""] of textOf(`/proc/${one}/maps`).matchAll(mapping))
      mapped.set(inode, (mapped.get(inode) ?? 0) + Number.parseInt(end!, 16) - Number.parseInt(start!, 16));
  }
  return [...new Map([...mapped, ...held]).values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** proc_pid_maps(5): a stretch, its rights, offset, device and inode, and the path of a file of the process's own that is gone. */
const mapping = /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ ([1-9]\d*) +\/.*\/out\/.* \(deleted\)$/gm;

function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    // It was closed meanwhile, or may not be looked at.
    return undefined;
  }
}
