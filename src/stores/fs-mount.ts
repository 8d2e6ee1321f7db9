import { readFileSync } from "node:fs";
import { realpath, rename, stat, statfs, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** What a folder lies on. */
export interface Mount {
  /** The topmost folder of its file system. */
  readonly point: string;
  /** statfs(2)'s magic number. */
  readonly type: number;
}

/** Remembers what a folder lay on, so that an unmounted share is told from an empty one, over restarts too. */
export interface MountMemory {
  recall(): Mount | undefined;
  remember(mount: Mount): Promise<void>;
  forget(): Promise<void>;
}

/** File systems that other machines write to, by statfs(2)'s magic number: no event tells of what they do. */
const shared: Readonly<Record<number, string>> = {
  26985: "NFS",
  20859: "SMB",
  4283649346: "SMB (CIFS)",
  4266872130: "SMB 2",
  1702057286: "FUSE",
  16914839: "9P",
  12805120: "Ceph",
  198183888: "Lustre",
  1397113167: "AFS",
  2020557398: "VirtualBox share",
  18225520: "GFS2",
  1952539503: "OCFS2",
};
const local: Readonly<Record<number, string>> = {
  61267: "ext4",
  1481003842: "XFS",
  2435016766: "Btrfs",
  801189825: "ZFS",
  16914836: "tmpfs",
  2035054128: "overlay",
};

/** Whether others may write to a file system without an event here; and what a person calls it. */
export function fileSystemOf(type: number): { readonly name: string; readonly isShared: boolean } {
  if (process.platform !== "linux") return { name: "this system's", isShared: false };
  const name = shared[type];
  return { name: name ?? local[type] ?? `0x${type.toString(16)}`, isShared: name !== undefined };
}

/** The file system that a folder lies on now. */
export async function mountOf(root: string): Promise<Mount> {
  let point = await realpath(root);
  const { dev } = await stat(point);
  for (let above = dirname(point); above !== point; above = dirname(point)) {
    if ((await stat(above)).dev !== dev) break;
    point = above;
  }
  return { point, type: (await statfs(root)).type };
}

/** Whether only the folder is left in which a share used to be mounted. */
export function isUnmounted(before: Mount, now: Mount): boolean {
  return before.point !== now.point && before.point.startsWith(now.point === "/" ? "/" : `${now.point}/`);
}

/** A memory for this process alone. */
export function createMountMemory(): MountMemory {
  let last: Mount | undefined;
  return {
    recall: () => last,
    async remember(mount) {
      last = mount;
    },
    async forget() {
      last = undefined;
    },
  };
}

/** Memories in one file, by folder. */
export function openMountMemories(file: string): (root: string) => MountMemory {
  const mounts = new Map<string, Mount>(Object.entries(readMounts(file)));
  let writing = Promise.resolve();
  const write = async () => {
    writing = writing
      .catch(() => {}) // whoever wrote before heard of it
      .then(async () => {
        const text = JSON.stringify(Object.fromEntries(mounts), undefined, 2);
        await writeFile(`${file}.new`, text, { mode: 0o600, flush: true });
        await rename(`${file}.new`, file);
      });
    await writing;
  };
  return (root) => ({
    recall: () => mounts.get(root),
    async remember(mount) {
      mounts.set(root, mount);
      await write();
    },
    async forget() {
      mounts.delete(root);
      await write();
    },
  });
}

function readMounts(file: string): Record<string, Mount> {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Record<string, Mount>;
  } catch (error) {
    // Not there yet, or cut off by a power cut before it ever was whole: then nothing is remembered.
    if ((error as NodeJS.ErrnoException).code === "ENOENT" || error instanceof SyntaxError) return {};
    throw error;
  }
}
