import { createHash, randomBytes, randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { lstat, mkdir, open, readdir, readFile, readlink, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { PictureFile } from "../core/media.ts";
import { opened, sealed, sealKeyBytes } from "../core/sealed-bytes.ts";
import { headBytes } from "../core/sniff.ts";
import { Problem } from "../errors.ts";

/** Bytes on the way, in an owner-only file that is removed with it. */
export interface SpoolFile extends AsyncDisposable {
  readonly path: string;
  /** What it is sealed with: in memory alone, so that nobody reads what a process that died left behind. */
  readonly key: Uint8Array | undefined;
  readonly size: number;
  readonly sha256: string;
  remove(): Promise<void>;
}

export interface ReceiveOptions {
  readonly maxBytes: number;
  /** It is masked already, and lies in the spool as it is. */
  readonly isMasked?: boolean;
  /** Looks at the first bytes before the rest is read; what it throws ends the transfer. */
  readonly inspect?: (head: Uint8Array) => void;
  /** Asked after the first bytes and each mebibyte, with how many came since; what it throws ends the transfer. */
  readonly allow?: (taken: number) => Promise<void>;
}

/** The one place for temporary files: a folder of this process's own, empty at start. */
export interface Spool {
  readonly folder: string;
  /** Takes a stream in, never holding more than a megabyte in memory. Problems: too-large, store-full, and the stream's own. */
  receive(stream: Readable, options: ReceiveOptions): Promise<SpoolFile>;
  /** Removes the folder with all that is in it. */
  close(): Promise<void>;
}

/** What one transfer may hold in memory: what came meanwhile is written as one piece, instead of one wait a packet. */
const pendingBytes = 1 << 20;
/** A file up to this size is read as one piece. */
const pieceBytes = 1 << 20;

/** Opens this process's spool under `root`; what processes that are gone left there is removed. */
export async function openSpool(root: string): Promise<Spool> {
  await mkdir(root, { recursive: true, mode: 0o700 });
  await refuseForeignFolder(root);
  for (const name of await readdir(root)) {
    const [, pid] = /^(\d+)-\d+$/.exec(name) ?? [];
    if (pid === undefined || name === (await processMark(Number(pid)))) continue;
    await removeWhatItWrote(join(root, name));
    // An engine process of the dead one may just be writing its last.
    await rm(join(root, name), { recursive: true, force: true, maxRetries: 5 });
  }
  const mark = await processMark(process.pid);
  const folder = join(root, mark ?? `${process.pid}-0`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o700 });

  return {
    folder,
    close: () => rm(folder, { recursive: true, force: true }),
    async receive(stream, { maxBytes, isMasked = false, inspect, allow }) {
      const path = join(folder, randomUUID());
      const key = isMasked ? undefined : randomBytes(sealKeyBytes);
      const remove = () => rm(path, { force: true });
      const hash = createHash("sha256");
      let size = 0;
      let inspected = false;
      let allowed = 0;
      async function* measured(source: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
        let start: Buffer = Buffer.alloc(0);
        for await (const chunk of source) {
          size += chunk.length;
          if (size > maxBytes) {
            throw new Problem("too-large", `Expected at most ${maxBytes} bytes`, {
              remedy: "Raise limits.maxBytes, or send a smaller file.",
            });
          }
          if (allow !== undefined && (allowed === 0 || size - allowed >= pieceBytes)) {
            await allow(size - allowed);
            allowed = size;
          }
          hash.update(chunk);
          if (!inspected) {
            start = Buffer.concat([start, chunk]);
            if (start.length < headBytes) continue;
            inspected = true;
            inspect?.(start.subarray(0, headBytes));
            yield start;
          } else yield chunk;
        }
        if (!inspected) {
          inspect?.(start);
          yield start;
        }
      }
      const file = createWriteStream(path, { flags: "wx", mode: 0o600, highWaterMark: pendingBytes });
      try {
        await pipeline(
          stream,
          // One stage: what breaks in one of two would leave the other waiting.
          (source: AsyncIterable<Buffer>) => (key === undefined ? measured(source) : sealed(measured(source), key)),
          file,
        );
        return { path, key, size, sha256: hash.digest("hex"), remove, [Symbol.asyncDispose]: remove };
      } catch (error) {
        // One that is still being opened would appear after its removal.
        if (!file.closed) await new Promise<void>((closed) => file.once("close", closed));
        await remove();
        throw fullProblem(error) ?? error;
      }
    },
  };
}

/** Stores leave word of temporary files that they write elsewhere. Those out of reach now are swept after a day. */
async function removeWhatItWrote(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!/^\.veil-[0-9a-f-]{36}\.part$/.test(name)) continue;
    const path = await readlink(join(folder, name)).catch(() => undefined);
    if (path !== undefined && basename(path) === name) await rm(path, { force: true }).catch(() => undefined);
  }
}

function fullProblem(error: unknown): Problem | undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== "ENOSPC" && code !== "EDQUOT") return undefined;
  return new Problem("store-full", "The disk of the data folder has no room", { cause: error });
}

/** The file's content as a stream; whoever takes it reads it to its end or destroys it. */
export async function readSpoolFile({ path, key }: PictureFile): Promise<Readable> {
  const file = await open(path);
  const stored = file.createReadStream({ highWaterMark: pieceBytes });
  if (key === undefined) return stored;
  const plain = Readable.from(opened(stored, key), { objectMode: false });
  plain.once("close", () => stored.destroy());
  return plain;
}

/** Lends the file's content as a stream, which is closed afterwards, read or not. */
export async function withSpoolFile<T>(file: PictureFile, use: (body: Readable) => Promise<T>): Promise<T> {
  const body = await readSpoolFile(file);
  try {
    return await use(body);
  } finally {
    body.destroy();
  }
}

/** Others could read originals, or have veil delete through a link, in a folder that is not its user's own. */
async function refuseForeignFolder(root: string): Promise<void> {
  const { uid, mode } = await lstat(root).then((stats) => (stats.isDirectory() ? stats : { uid: -1, mode: 0 }));
  const own = process.getuid === undefined || (uid === process.getuid() && (mode & 0o077) === 0);
  if (uid !== -1 && own) return;
  throw new Problem("invalid-config", `Expected a folder of this user alone for temporary files but ${root} is none`, {
    remedy: `Remove it, or make it yours: chmod 700 ${root}`,
  });
}

/** The id of a living process with its start time, so that a reused id is told apart; undefined: it is gone. */
async function processMark(pid: number): Promise<string | undefined> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, as somebody else.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return undefined;
  }
  if (process.platform !== "linux") return `${pid}-0`;
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // Field 22 (starttime), counted behind the command's closing bracket: proc(5).
  return stat === undefined ? undefined : `${pid}-${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
}

/** Bytes in memory as a spool source. */
export function streamOf(bytes: Uint8Array): Readable {
  return Readable.from([bytes], { objectMode: false });
}
