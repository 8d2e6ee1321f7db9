import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { Problem } from "../errors.ts";
import { fsProblem } from "./fs-problem.ts";
import { infoOf } from "./fs-tree.ts";
import type { GetOptions, ObjectInfo } from "./store.ts";

const chunkBytes = 262_144;

/**
 * The bytes of an open file, which the stream closes. It fails with `changed-while-reading` at its end if the file is
 * not the same any more.
 */
export function readFile(handle: FileHandle, before: ObjectInfo, range: GetOptions["range"]): Readable {
  let at = Math.min(range?.start ?? 0, before.size);
  const end = Math.min((range?.end ?? before.size) + 1, before.size);

  async function readNext(stream: Readable): Promise<void> {
    if (at < end) {
      const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, end - at));
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, at);
      at += bytesRead;
      if (bytesRead > 0) return void stream.push(chunk.subarray(0, bytesRead));
    }
    const after = infoOf(before.key, await handle.stat({ bigint: true }));
    if (after.version !== before.version || at < end) {
      throw new Problem("changed-while-reading", `${before.key} changed while it was read`);
    }
    stream.push(null);
  }

  return new Readable({
    read() {
      readNext(this).catch((error) => this.destroy(fsProblem(error, `Cannot read ${before.key}`) as Error));
    },
    destroy(error, done) {
      handle.close().then(
        () => done(error),
        (closing) => done(error ?? closing),
      );
    },
  });
}
