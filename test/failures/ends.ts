import { randomUUID } from "node:crypto";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { webdavSettings } from "../../src/config/stores/webdav.ts";
import type { Store } from "../../src/stores/store.ts";
import { createWebdavStore } from "../../src/stores/webdav.ts";
import { read } from "../contracts/store.ts";
import { type Ceph, startCeph, withoutCeph } from "../fixtures/ceph-server.ts";
import { type FaultProxy, startFaultProxy } from "../fixtures/fault-proxy.ts";
import { startFtpProxy } from "../fixtures/ftp-proxy.ts";
import { startVsftpd, withoutVsftpd } from "../fixtures/ftp-server.ts";
import { startSshd, withoutSshd } from "../fixtures/ssh-server.ts";
import { startWebdav, withoutWebdav } from "../fixtures/webdav-server.ts";
import { openFtp } from "../stores/ftp-store.ts";
import { openSftp } from "../stores/sftp-store.ts";
import { openS3 } from "./s3-store.ts";

/** A store behind a bad network, and what really lies in it. */
export interface End extends AsyncDisposable {
  readonly store: Store;
  readonly proxy: FaultProxy;
  place(key: string, bytes: Buffer): Promise<void>;
  /** All that there is, unfinished things too. */
  lying(): Promise<readonly string[]>;
  bytesOf(key: string): Promise<Buffer>;
  /** Where that is one of this machine. */
  readonly folder?: string;
}

export interface OpenEnd {
  readonly connectMs?: number;
  readonly idleMs?: number;
  /** Somebody else's, in place of the proxy's. */
  readonly port?: number;
}

/** A server, and empty stores on it. */
export interface Ends extends AsyncDisposable {
  open(options?: OpenEnd): Promise<End>;
}

export interface Kind {
  readonly name: "s3" | "sftp" | "webdav" | "ftp";
  readonly skip: string | false;
  start(): Promise<Ends>;
}

/** All stores that are reached by a network. */
export const kinds: readonly Kind[] = [
  { name: "s3", skip: withoutCeph(), start: async () => endsOf(await startCeph(), openCeph) },
  {
    name: "sftp",
    skip: withoutSshd(),
    start: async () =>
      endsOf(await startSshd(), async (server, options) => {
        const proxy = await startFaultProxy({ target: server.port });
        const opened = await openSftp(server, { port: proxy.port, ...options });
        return inFolder(opened.root, opened.store, proxy);
      }),
  },
  {
    name: "ftp",
    skip: withoutVsftpd(),
    start: async () =>
      endsOf(await startVsftpd(), async (server, options) => {
        const proxy = await startFtpProxy(server.port);
        const opened = await openFtp(server, { port: proxy.port, ...options });
        return inFolder(opened.root, opened.store, proxy);
      }),
  },
  {
    name: "webdav",
    skip: withoutWebdav(),
    start: async () =>
      endsOf(await startWebdav(), async (server, { port, connectMs = 5_000, idleMs = 1_000 } = {}) => {
        const root = randomUUID();
        const folder = join(server.exported, root);
        await mkdir(folder);
        // Apache serves as somebody else.
        await chmod(folder, 0o777);
        const proxy = await startFaultProxy({ target: Number(new URL(server.url).port) });
        const url = server.url.replace(/:\d+/, `:${port ?? proxy.port}`);
        const settings = webdavSettings.parse({ kind: "webdav", url, username: "dav", password: "secret" });
        const timeouts = { connectMs, idleMs };
        const store = createWebdavStore({ name: "archive", root, settings, timeouts });
        return inFolder(folder, store, proxy);
      }),
  },
];

function endsOf<Server extends AsyncDisposable>(
  server: Server,
  open: (server: Server, options?: OpenEnd) => Promise<End>,
): Ends {
  return { open: (options) => open(server, options), [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function openCeph(ceph: Ceph): Promise<End> {
  const opened = await openS3(ceph);
  const { store, proxy, direct, lying } = opened;
  return {
    ...{ store, proxy, lying, bytesOf: (key) => read(direct, key) },
    async place(key, bytes) {
      await direct.put(key, Readable.from([bytes], { objectMode: false }), { contentType: "image/jpeg" });
    },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

/** Of a server of files: its own machine sees them as they are. */
function inFolder(folder: string, store: Store, proxy: FaultProxy): End {
  return {
    ...{ store, proxy, folder },
    async place(key, bytes) {
      await mkdir(dirname(join(folder, key)), { recursive: true });
      await writeFile(join(folder, key), bytes);
    },
    lying: () => readdir(folder, { recursive: true }),
    bytesOf: (key) => readFile(join(folder, key)),
    async [Symbol.asyncDispose]() {
      await store.close();
      await proxy[Symbol.asyncDispose]();
    },
  };
}
