import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rename, rm, rmdir, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Problem, type ProblemCode } from "../errors.ts";
import { type Cache, maxValueBytes } from "./cache.ts";
import { checkDigest, digestBytes, withDigest } from "./digested.ts";

export interface DiskCacheOptions {
  /** Made where it is absent, and used by this process alone. */
  readonly folder: string;
  /** What was not used for longest goes before the files grow beyond it. */
  readonly maxBytes: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

interface Entry {
  /** KEY.EXPIRES */
  readonly name: string;
  readonly size: number;
  readonly expiresAt: number;
}

/**
 * A cache of one owner-only file a value. A file's time of change says when it was used last, so that a restart forgets
 * nothing. Nothing is flushed: what a power cut leaves half written fails its digest.
 */
export async function createDiskCache({ folder, maxBytes, now = Date.now }: DiskCacheOptions): Promise<Cache> {
  /** What was not used for longest comes first. */
  const entries = new Map<string, Entry>();
  let total = 0;

  async function forget(key: string): Promise<void> {
    const entry = entries.get(key);
    if (entry === undefined) return;
    entries.delete(key);
    total -= entry.size;
    await rm(join(folder, entry.name), { force: true });
  }

  async function used(path: string): Promise<void> {
    const seconds = now() / 1000;
    await utimes(path, seconds, seconds);
  }

  async function read(path: string, size: number): Promise<Buffer | undefined> {
    try {
      // Something else's file of any size must not be read into memory.
      if ((await stat(path)).size !== size) return undefined;
      const value = checkDigest(await readFile(path));
      if (value !== undefined) await used(path);
      return value;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined; // made room of meanwhile
      throw error;
    }
  }

  async function makeRoom(bytes: number): Promise<void> {
    for (const oldest of entries.keys()) {
      if (total + bytes <= maxBytes) return;
      await forget(oldest);
    }
  }

  await translated(folder, async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
    const found: (Entry & { readonly key: string; readonly usedAt: number })[] = [];
    for (const name of await readdir(folder)) {
      const [, key, expires] = fileName.exec(name) ?? [];
      if (key === undefined) {
        // What a process that was killed had begun.
        if (name.endsWith(".part")) await rm(join(folder, name), { force: true });
        continue;
      }
      const { size, mtimeMs: usedAt } = await stat(join(folder, name));
      found.push({ key, name, size, expiresAt: Number(expires), usedAt });
    }
    for (const { key, usedAt: _, ...entry } of found.toSorted((a, b) => a.usedAt - b.usedAt)) {
      // A kill between a value's rename and its forerunner's removal leaves both.
      await forget(key);
      entries.set(key, entry);
      total += entry.size;
      if (entry.expiresAt <= now()) await forget(key);
    }
    await makeRoom(0);
  });

  return {
    get: (key) =>
      translated(folder, async () => {
        const entry = entries.get(key);
        if (entry === undefined) return undefined;
        const path = join(folder, entry.name);
        const value = entry.expiresAt > now() && fits(entry.size) ? await read(path, entry.size) : undefined;
        if (entries.get(key) !== entry) return value; // replaced or forgotten meanwhile
        if (value === undefined) return void (await forget(key));
        entries.delete(key);
        entries.set(key, entry);
        return value;
      }),

    set: (key, value, expiresAt) =>
      translated(folder, async () => {
        const stored = withDigest(value);
        await forget(key);
        if (stored.length > maxBytes || !fits(stored.length) || expiresAt <= now()) return;
        await makeRoom(stored.length);
        const part = join(folder, `${randomUUID()}.part`);
        const name = `${key}.${Math.round(expiresAt)}`;
        try {
          await writeFile(part, stored, { flag: "wx", mode: 0o600 });
          await used(part);
          await rename(part, join(folder, name));
        } catch (error) {
          await rm(part, { force: true });
          throw error;
        }
        // Another one may have been written meanwhile.
        const other = entries.get(key);
        entries.delete(key);
        entries.set(key, { name, size: stored.length, expiresAt });
        total += stored.length - (other?.size ?? 0);
        if (other !== undefined && other.name !== name) await rm(join(folder, other.name), { force: true });
        await makeRoom(0);
      }),

    delete: (key) => translated(folder, () => forget(key)),
    bytes: () => total,
    sweep: () =>
      translated(folder, async () => {
        for (const [key, { expiresAt }] of entries) if (expiresAt <= now()) await forget(key);
      }),
    async close() {},
  };
}

/** Removes what such a cache has left in a folder, and the folder unless something else lies in it. */
export async function clearDiskCache(folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  await translated(folder, async () => {
    const names = await readdir(folder);
    const own = names.filter((name) => fileName.test(name) || name.endsWith(".part"));
    for (const name of own) await rm(join(folder, name), { force: true });
    if (own.length === names.length) await rmdir(folder);
  });
}

/** KEY.EXPIRES */
const fileName = /^([0-9a-f]{64})\.(\d{1,15})$/;

function fits(size: number): boolean {
  return size <= maxValueBytes + digestBytes;
}

const codes: Readonly<Record<string, ProblemCode>> = {
  ENOSPC: "store-full",
  EDQUOT: "store-full",
  EACCES: "store-denied",
  EPERM: "store-denied",
  EROFS: "store-denied",
};

async function translated<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const { code = "", message } = cause as NodeJS.ErrnoException;
    throw new Problem(codes[code] ?? "store-unavailable", `The cache in ${folder}: ${message}`, { cause });
  }
}
