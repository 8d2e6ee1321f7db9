import { randomBytes, randomUUID } from "node:crypto";
import {
  chmodSync,
  chownSync,
  constants,
  createReadStream,
  createWriteStream,
  lstatSync,
  mkdirSync,
  readdirSync,
} from "node:fs";
import {
  chmod,
  chown,
  copyFile,
  lchown,
  link,
  lstat,
  readdir,
  rename,
  rm,
  stat,
  unlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Limits, PictureFile } from "../core/media.ts";
import { openedSize, sealed, sealKeyBytes } from "../core/sealed-bytes.ts";
import { Problem } from "../errors.ts";
import type { EngineOwner } from "./engine-owner.ts";
import { refuseLarge } from "./file-size.ts";

/** One result, and what decoders put aside; a HEIC of several pictures is refused after it was taken apart. */
const mostFiles = 1000;

/** Beside `in` and `out` where a sandbox has one: a folder in memory alone. */
export const memoryFolder = "memory";

/** What one engine process reads and writes, below the spool; it sees `in`, and writes to `out` alone. */
export interface EngineFolder {
  readonly path: string;
  /** Puts bytes where the process may read them, under a name of their own. */
  put(name: string, bytes: Uint8Array): Promise<void>;
  /**
   * Puts a picture where the process may read it; answers its name there, and what it is sealed with: a copy of somebody's
   * file always is. Problem: too-large.
   */
  take(
    file: PictureFile,
    limits: Pick<Limits, "maxBytes">,
  ): Promise<{ readonly name: string; readonly key: Uint8Array | undefined }>;
  /** How much it has written, bytes; without bound for what no engine process makes: a folder, or files without end. */
  written(): number;
  /** Moves what it wrote under this name out of its reach, to `path`. Problem internal: it is no plain file. */
  give(name: string, path: string): Promise<void>;
  /** Removes the picture and all that was made of it; false: there is something that no engine process makes. */
  clear(): Promise<boolean>;
  /** Removes everything, once the process is gone. */
  remove(): Promise<void>;
}

/** Makes the folder of one engine process that runs as `owner`; undefined: as the service. */
export function makeEngineFolder(spool: string, owner: EngineOwner | undefined): EngineFolder {
  const path = join(spool, `${randomUUID()}.engine`);
  const [originals, results] = [join(path, "in"), join(path, "out")];
  for (const folder of [path, originals, results]) {
    mkdirSync(folder, { mode: 0o700 });
    if (owner === undefined) continue;
    const own = folder === results;
    chownSync(folder, own ? owner.uid : 0, owner.gid);
    chmodSync(folder, own ? 0o700 : 0o750);
  }

  /** Lets the process read a file, and nobody else. */
  async function lend(file: string): Promise<void> {
    if (owner === undefined) return;
    await chown(file, 0, owner.gid);
    await chmod(file, 0o640);
  }

  return {
    path,
    async put(name, bytes) {
      await writeFile(join(originals, name), bytes, { flag: "wx", mode: 0o600 });
      await lend(join(originals, name));
    },
    async take({ path: from, key }, limits) {
      const { size } = await stat(from);
      refuseLarge(key === undefined ? size : openedSize(size), limits);
      const name = randomUUID();
      const to = join(originals, name);
      // One of the spool is veil's own; of somebody's file nothing but a copy comes near a decoder.
      const linked = resolve(dirname(from)) === resolve(spool) && (await link(from, to).then(yes, no));
      if (linked) {
        await lend(to);
        return { name, key };
      }
      if (key !== undefined) {
        await copyFile(from, to, constants.COPYFILE_FICLONE);
        await lend(to);
        return { name, key };
      }
      const own = randomBytes(sealKeyBytes);
      const copy = createWriteStream(to, { flags: "wx", mode: 0o600 });
      await pipeline(createReadStream(from), (plain: AsyncIterable<Buffer>) => sealed(plain, own), copy);
      await lend(to);
      return { name, key: own };
    },
    written: () => bytesIn(results),
    async give(name, to) {
      await rename(join(results, name), to);
      // What runs in a decoder's process may have put a link to somebody else's file there.
      if (!(await lstat(to)).isFile()) {
        await rm(to, { recursive: true, force: true });
        throw new Problem("internal", "Expected a file from the engine process but it left something else");
      }
      if (owner !== undefined) await lchown(to, 0, 0);
    },
    async clear() {
      // By name alone and without looking into folders: while the process lives it could put links in their place.
      const cleared = await Promise.all([originals, results].map(unlinkAll));
      return cleared.every(Boolean);
    },
    // Tried again: a decoder killed along with it may be seen to end a moment later.
    remove: () => rm(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** At once: this is looked at while the process writes. A folder that it has closed or moved is none of veil's. */
function bytesIn(folder: string): number {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    if (entries.length > mostFiles || entries.some((entry) => entry.isDirectory())) return Number.POSITIVE_INFINITY;
    // What takes room: a file with holes is no larger than what it holds.
    const blocks = entries.map(({ name }) => lstatSync(join(folder, name), { throwIfNoEntry: false })?.blocks ?? 0);
    return 512 * blocks.reduce((sum, count) => sum + count, 0);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

async function unlinkAll(folder: string): Promise<boolean> {
  const names = await readdir(folder);
  const removed = await Promise.all(names.map((name) => unlink(join(folder, name)).then(yes, no)));
  return removed.every(Boolean);
}

const yes = () => true;
const no = () => false;
