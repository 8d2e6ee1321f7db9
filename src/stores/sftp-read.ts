import { Readable } from "node:stream";
import type { Stats } from "ssh2";
import { Problem } from "../errors.ts";
import type { Link } from "./sftp-link.ts";
import { sftpProblem } from "./sftp-problem.ts";
import { closeHandle, infoOf } from "./sftp-tree.ts";
import type { GetOptions, ObjectInfo } from "./store.ts";

// What every server has to take, and as many at once as sftp(1) asks for.
const pieceBytes = 32_768;
const readsAtOnce = 64;

/**
 * The bytes of an open file, asked for ahead; the stream closes it. Fails with `changed-while-reading` at its end if the
 * file is not the same any more.
 */
export function readObject(
  link: Link,
  handle: Buffer,
  before: ObjectInfo,
  { name, range }: { readonly name: string; readonly range: GetOptions["range"] },
): Readable {
  const asked: Promise<Buffer>[] = [];
  let at = Math.min(range?.start ?? 0, before.size);
  const end = Math.min((range?.end ?? before.size) + 1, before.size);
  const changed = () => new Problem("changed-while-reading", `${before.key} in ${name} changed while it was read`);

  /** A server may answer with less than was asked for. */
  async function readPiece(from: number, length: number): Promise<Buffer> {
    const piece = Buffer.allocUnsafe(length);
    for (let got = 0; got < length; ) {
      const bytes = await link.ask<number>((sftp, answer) =>
        sftp.read(handle, piece, got, length - got, from + got, answer),
      );
      if (bytes === 0) throw changed();
      got += bytes;
    }
    return piece;
  }

  function askAhead(): void {
    while (asked.length < readsAtOnce && at < end) {
      const piece = readPiece(at, Math.min(pieceBytes, end - at));
      // Whoever waits for it hears of it.
      piece.catch(() => {});
      asked.push(piece);
      at += pieceBytes;
    }
  }

  async function readNext(stream: Readable): Promise<void> {
    askAhead();
    const piece = await asked.shift();
    if (piece !== undefined) return void stream.push(piece);
    const after = await link.ask<Stats>((sftp, answer) => sftp.fstat(handle, answer));
    if (infoOf(before.key, after).version !== before.version) throw changed();
    stream.push(null);
  }

  return new Readable({
    read() {
      readNext(this).catch((error) =>
        this.destroy(sftpProblem(error, `Cannot read ${before.key} from ${name}`) as Error),
      );
    },
    destroy(error, done) {
      closeHandle(link, handle).then(() => done(error));
    },
  });
}
