import type { Stats } from "ssh2";
import { Problem } from "../errors.ts";
import { checkKey, isTemporary } from "./key.ts";
import type { Link } from "./sftp-link.ts";
import { sftpStatus, statusOf } from "./sftp-problem.ts";
import type { ObjectInfo } from "./store.ts";

export interface Spot {
  readonly path: string;
  /** What lies there, not following a link; undefined: nothing. */
  readonly there: Stats | undefined;
}

/** A folder on the server and what lies below it, never beyond: symbolic links below the root are not followed. */
export interface Tree {
  readonly root: string;
  pathOf(key: string): string;
  /** Refuses with `store-unavailable` while the root is missing. */
  online(link: Link): Promise<void>;
  /** Where a key is, once every folder on the way is a real one. Undefined: there is no such folder. */
  locate(link: Link, key: string): Promise<Spot | undefined>;
  /** The same, but makes missing folders. */
  makeWay(link: Link, key: string): Promise<Spot>;
  /** Opens a file whose folder still turns out to lie within; answers its handle. */
  openWithin(link: Link, path: string, flags: "r" | "wx", mode?: number): Promise<Buffer>;
}

export function createTree(name: string, root: string): Tree {
  const pathOf = (key: string) => (key === "" ? root : root === "/" ? `/${key}` : `${root}/${key}`);

  function requireRoot(stats: Stats | undefined): void {
    if (stats?.isDirectory()) return;
    throw new Problem("store-unavailable", `The folder ${root} of ${name} is not there`, {
      remedy: "Make it on the server, or correct root in the configuration.",
    });
  }

  /** What lies at the root, at each folder of the way and at the key: asked for in one go. */
  async function look(link: Link, key: string) {
    checkKey(key);
    const segments = key.split("/");
    if (segments.some(isTemporary)) {
      throw new Problem(
        "invalid-request",
        `Expected a key without a .veil- segment but received ${JSON.stringify(key)}`,
      );
    }
    const paths = segments.map((_, index) => pathOf(segments.slice(0, index + 1).join("/")));
    const [top, ...found] = await Promise.all([
      statsAt(link, root, true),
      ...paths.map((path) => statsAt(link, path, false)),
    ]);
    requireRoot(top);
    return paths.map((path, index) => ({ path, there: found[index] }));
  }

  function isWay({ path, there }: Spot): boolean {
    if (there?.isSymbolicLink()) {
      throw new Problem("invalid-request", `${path} in ${name} is a symbolic link; veil follows none`);
    }
    return there?.isDirectory() ?? false;
  }

  return {
    root,
    pathOf,

    async online(link) {
      requireRoot(await statsAt(link, root, true));
    },

    async locate(link, key) {
      const spots = await look(link, key);
      return spots.slice(0, -1).every(isWay) ? spots.at(-1) : undefined;
    },

    async makeWay(link, key) {
      const spots = await look(link, key);
      for (const spot of spots.slice(0, -1)) {
        if (isWay(spot)) continue;
        if (spot.there === undefined && (await makeFolder(link, spot.path))) continue;
        throw new Problem("already-exists", `A file stands where a folder of ${key} in ${name} would have to be`);
      }
      return spots.at(-1)!;
    },

    async openWithin(link, path, flags, mode) {
      const parent = path.slice(0, path.lastIndexOf("/")) || "/";
      const opening = link.ask<Buffer>((sftp, answer) =>
        mode === undefined ? sftp.open(path, flags, answer) : sftp.open(path, flags, mode, answer),
      );
      // Somebody may have put a link in a folder's place since it was looked at.
      const real = Promise.all([root, parent].map((folder) => realPath(link, folder)));
      const [opened, places] = await Promise.allSettled([opening, real]);
      if (opened.status === "rejected") throw opened.reason;
      try {
        if (places.status === "rejected") throw places.reason;
        const [top, folder] = places.value as [string, string];
        const expected = `${top.replace(/\/$/, "")}${parent.slice(root === "/" ? 0 : root.length)}`;
        if (fold(folder) !== fold(expected)) throw new Problem("invalid-request", `${path} lies outside ${root}`);
        return opened.value;
      } catch (error) {
        await closeHandle(link, opened.value);
        if (flags === "wx") await removeFile(link, path).catch(() => {});
        throw error;
      }
    },
  };
}

/** Servers that fold case answer with the name's own case, which is no other place. */
function fold(path: string): string {
  return path
    .replace(/(?<=.)\/$/, "")
    .normalize("NFC")
    .toLowerCase();
}

async function realPath(link: Link, path: string): Promise<string> {
  return await link.ask<string>((sftp, answer) => sftp.realpath(path, answer));
}

/** What lies at a path; undefined: nothing. */
export async function statsAt(link: Link, path: string, follow = false): Promise<Stats | undefined> {
  try {
    return await link.ask<Stats>((sftp, answer) => (follow ? sftp.stat(path, answer) : sftp.lstat(path, answer)));
  } catch (error) {
    if (statusOf(error) === sftpStatus.noSuchFile) return undefined;
    throw error;
  }
}

/** Whether there is a folder then; another put may make it at the same time. */
async function makeFolder(link: Link, path: string): Promise<boolean> {
  try {
    await link.ask((sftp, answer) => sftp.mkdir(path, answer));
    return true;
  } catch (error) {
    const there = statusOf(error) === "lost" ? undefined : await statsAt(link, path);
    if (there === undefined) throw error;
    return there.isDirectory();
  }
}

/** Removes a file; one that is not there is no failure. */
export async function removeFile(link: Link, path: string): Promise<void> {
  await link
    .ask((sftp, answer) => sftp.unlink(path, answer))
    .catch((error) => {
      if (statusOf(error) !== sftpStatus.noSuchFile) throw error;
    });
}

/** The server forgets a handle with its connection, so nothing is to be done where it can't be closed. */
export async function closeHandle(link: Link, handle: Buffer): Promise<void> {
  await link.ask((sftp, answer) => sftp.close(handle, answer)).catch(() => {});
}

/** Whole seconds are all that version 3 of the protocol tells. */
export function infoOf(key: string, { size, mtime }: Pick<Stats, "size" | "mtime">): ObjectInfo {
  return { key, version: `${size}-${mtime}`, size, modifiedAt: mtime * 1000 };
}
