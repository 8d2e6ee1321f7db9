import { execFile } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Problem } from "../../src/errors.ts";
import { createSftpStore } from "../../src/stores/sftp.ts";
import type { SftpSettings } from "../../src/stores/sftp-host.ts";
import type { SshServer } from "../fixtures/ssh-server.ts";

const run = promisify(execFile);

/** A store in an empty folder of its own on that server. */
export async function openSftp(
  on: SshServer,
  changes: Partial<SftpSettings> & {
    readonly part?: string;
    readonly connectMs?: number;
    readonly idleMs?: number;
    readonly takesOriginals?: boolean;
  } = {},
) {
  const { part = "", connectMs = 5_000, idleMs = 1_000, takesOriginals = false, ...others } = changes;
  const root = await mkdtemp(join(on.data, "root-"));
  if (on.username !== userInfo().username) await run("chown", [on.username, root]);
  const problems: Problem[] = [];
  const settings: SftpSettings = {
    host: "127.0.0.1",
    port: on.port,
    username: on.username,
    privateKey: on.privateKey,
    hostKey: on.fingerprint,
    root,
    nonAtomic: false,
    ...others,
  };
  const store = createSftpStore({
    name: "archive",
    settings,
    root: part,
    onProblem: (problem) => problems.push(problem),
    timeouts: { connectMs, idleMs },
    takesOriginals,
  });
  return { store, root, problems, [Symbol.asyncDispose]: () => store.close() };
}
