import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import type { Problem } from "../../src/errors.ts";
import { createFtpStore } from "../../src/stores/ftp.ts";
import type { FtpSettings } from "../../src/stores/ftp-connect.ts";
import type { FtpServer } from "../fixtures/ftp-server.ts";

/** A store in an empty folder of its own on that server. */
export async function openFtp(
  on: FtpServer,
  changes: Partial<FtpSettings> & {
    readonly part?: string;
    readonly connectMs?: number;
    readonly idleMs?: number;
  } = {},
) {
  const { part = "", connectMs = 5_000, idleMs = 1_000, ...others } = changes;
  const root = await mkdtemp(join(on.data, "root-"));
  const problems: Problem[] = [];
  const settings: FtpSettings = {
    host: "127.0.0.1",
    port: on.port,
    username: on.username,
    password: on.password,
    tls: on.tls,
    caFile: on.caFile,
    root,
    connections: 4,
    ...others,
  };
  const store = createFtpStore({
    name: "archive",
    settings,
    root: part,
    onProblem: (problem) => problems.push(problem),
    timeouts: { connectMs, idleMs },
  });
  return { store, root, problems, [Symbol.asyncDispose]: () => store.close() };
}
