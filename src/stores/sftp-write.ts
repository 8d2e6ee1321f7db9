import type { Readable } from "node:stream";
import type { Stats } from "ssh2";
import { Problem } from "../errors.ts";
import type { Link } from "./sftp-link.ts";
import { sftpStatus, statusOf } from "./sftp-problem.ts";
import type { Attributes } from "./store.ts";

// Below what servers without limits@openssh.com take, so that ssh2 sends each piece in one request.
const pieceBytes = 31_744;
const writesAtOnce = 64;

/** Writes a body into an open file, many requests at once; answers how many bytes there were. */
export async function writeBody(link: Link, handle: Buffer, body: Readable): Promise<number> {
  const sent: Promise<void>[] = [];
  let size = 0;
  for await (const chunk of body) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk);
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      if (sent.length >= writesAtOnce) await sent.shift();
      const length = Math.min(pieceBytes, bytes.length - at);
      const piece = link.ask((sftp, answer) => sftp.write(handle, bytes, at, length, size, answer));
      // A body that waits for its own source would not hear of it.
      piece.catch((error) => body.destroy(error));
      sent.push(piece);
      size += length;
    }
  }
  await Promise.all(sent);
  return size;
}

/** Gives an open, written file its attributes, has it put on disk where the server can, and compares its size. */
export async function finishFile(link: Link, handle: Buffer, size: number, attributes: Attributes = {}): Promise<void> {
  const { mode, owner, modifiedAt } = attributes;
  // Giving a file away may clear bits of its mode.
  if (owner !== undefined) await link.ask((sftp, answer) => sftp.fchown(handle, owner.uid, owner.gid, answer));
  if (mode !== undefined) await link.ask((sftp, answer) => sftp.fchmod(handle, mode, answer));
  if (modifiedAt !== undefined) {
    const times = [Math.floor(Date.now() / 1000), Math.floor(modifiedAt / 1000)] as const;
    await link.ask((sftp, answer) => sftp.futimes(handle, ...times, answer));
  }
  await link
    .ask((sftp, answer) => sftp.ext_openssh_fsync(handle, answer))
    .catch((error) => {
      if (statusOf(error) !== sftpStatus.unsupported) throw error;
    });
  const written = await link.ask<Stats>((sftp, answer) => sftp.fstat(handle, answer));
  if (written.size !== size) {
    throw new Problem("store-unavailable", `The server keeps ${written.size} of the ${size} bytes that it was sent`);
  }
}

const littleBytes = 1_048_576;

/** A write's failure; the protocol has no word for a full disk, so the server is asked. */
export async function writeProblem(link: Link, root: string, error: unknown, what: string): Promise<unknown> {
  if (statusOf(error) !== sftpStatus.failure) return error;
  const disk = await link
    .ask<{ f_bavail: number; f_frsize: number }>((sftp, answer) => sftp.ext_openssh_statvfs(root, answer))
    .catch(() => undefined);
  if (disk === undefined || disk.f_bavail * disk.f_frsize >= littleBytes) return error;
  return new Problem("store-full", `${what}: the server's disk is full`, { cause: error });
}
