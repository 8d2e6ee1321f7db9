import { Readable } from "node:stream";
import { Problem } from "../errors.ts";
import type { Connection } from "./ftp-connect.ts";
import { infoOf, look } from "./ftp-facts.ts";
import type { Pool } from "./ftp-pool.ts";
import { ftpProblem, statusOf } from "./ftp-problem.ts";
import { download } from "./ftp-transfer.ts";
import { problemFor } from "./problem-for.ts";
import type { GetOptions, ObjectInfo } from "./store.ts";

/**
 * The bytes of a file. A connection is taken when somebody begins to read, and given back at the end, or when the stream
 * is destroyed. Fails with `changed-while-reading` if the file is not the same any more.
 */
export function readObject(
  pool: Pool,
  pathOf: (connection: Connection) => string,
  before: ObjectInfo,
  { name, range }: { readonly name: string; readonly range: GetOptions["range"] },
): Readable {
  const start = Math.min(range?.start ?? 0, before.size);
  const length = Math.max(0, Math.min((range?.end ?? before.size) + 1, before.size) - start);
  const what = `Cannot read ${before.key} from ${name}`;
  const aborting = new AbortController();
  let isBegun = false;
  let resume: (() => void) | undefined;
  let isConnected = false;

  async function run(stream: Readable): Promise<void> {
    await pool.lend(
      async (connection) => {
        isConnected = true;
        if (aborting.signal.aborted) return;
        const path = pathOf(connection);
        const push = (bytes: Buffer) => stream.push(bytes);
        const resumed = () => new Promise<void>((resolve) => (resume = resolve));
        let refusal: unknown;
        let came = { got: 0, isMore: false };
        if (length > 0) {
          const wanted = { path, start, length, push, resumed, signal: aborting.signal };
          came = await download(connection, wanted).catch((error) => {
            if (statusOf(error) === undefined || statusOf(error) === "lost") throw error;
            refusal = error;
            return came;
          });
        }
        if (aborting.signal.aborted) return;
        const after = await look(connection, path);
        if (after === undefined || infoOf(before.key, after).version !== before.version) {
          throw new Problem("changed-while-reading", `${before.key} in ${name} changed while it was read`);
        }
        if (refusal !== undefined) throw refusal;
        if (came.got < length) throw new Problem("store-unavailable", `${what}: ${came.got} of ${length} bytes came`);
        // Others may have had the name in between, even within one second.
        if (came.isMore && start + length === before.size) {
          throw new Problem("changed-while-reading", `${before.key} in ${name} is longer than it was said to be`);
        }
      },
      { carries: "out" },
    );
    stream.push(null);
  }

  return new Readable({
    read() {
      if (isBegun) return void resume?.();
      isBegun = true;
      run(this).catch((error) =>
        this.destroy((isConnected ? ftpProblem(error, what) : problemFor(what, error)) as Error),
      );
    },
    destroy(error, done) {
      aborting.abort();
      resume?.();
      done(error);
    },
  });
}
