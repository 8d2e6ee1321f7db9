import { randomUUID } from "node:crypto";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { after } from "node:test";
import { BlobServiceClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import { azureSettings } from "../../src/config/stores/azure.ts";
import { swiftSettings } from "../../src/config/stores/swift.ts";
import { webdavSettings } from "../../src/config/stores/webdav.ts";
import { createAzureStore } from "../../src/stores/azure.ts";
import type { Store } from "../../src/stores/store.ts";
import { createSwiftStore } from "../../src/stores/swift.ts";
import { createWebdavStore } from "../../src/stores/webdav.ts";
import { keysOf, read } from "../contracts/store.ts";
import { type Azurite, startAzurite, withoutAzurite } from "../fixtures/azurite-server.ts";
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

const patience = { connectMs: 5_000, idleMs: 1_000 };

/** A server, and empty stores on it. */
export interface Ends extends AsyncDisposable {
  open(options?: OpenEnd): Promise<End>;
}

export interface Kind {
  readonly name: "s3" | "swift" | "azure" | "sftp" | "webdav" | "ftp";
  /** It speaks HTTP. */
  readonly isWeb?: true;
  readonly skip: string | false;
  start(): Promise<Ends>;
}

let ceph: Promise<Ceph> | undefined;
after(async () => {
  await (await ceph)?.[Symbol.asyncDispose]();
});

/** One for both of its protocols, until the end of the file. */
async function sharedCeph(): Promise<Ceph> {
  ceph ??= startCeph();
  return { ...(await ceph), [Symbol.asyncDispose]: async () => {} };
}

/** All stores that are reached by a network. */
export const kinds: readonly Kind[] = [
  { name: "s3", isWeb: true, skip: withoutCeph(), start: async () => endsOf(await sharedCeph(), openCeph) },
  {
    name: "swift",
    isWeb: true,
    skip: withoutCeph(),
    async start() {
      const ceph = await sharedCeph();
      // The first object of all takes a Ceph some seconds.
      await using first = await openSwift(ceph);
      await first.place("first", Buffer.from("x"));
      return endsOf(ceph, openSwift);
    },
  },
  { name: "azure", isWeb: true, skip: withoutAzurite(), start: async () => endsOf(await startAzurite(), openAzure) },
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
    isWeb: true,
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
  return { ...inDirect(store, proxy, direct), lying, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() };
}

async function openSwift({ port: target, swift }: Ceph, { port, ...timeouts }: OpenEnd = {}): Promise<End> {
  const proxy = await startFaultProxy({ target });
  const container = randomUUID();
  const entered = await fetch(swift.authUrl, { headers: { "x-auth-user": swift.user, "x-auth-key": swift.key } });
  const [address, token] = ["x-storage-url", "x-auth-token"].map((name) => entered.headers.get(name) ?? "");
  await fetch(`${address}/${container}`, { method: "PUT", headers: { "x-auth-token": token! } });
  const storeAt = (authUrl: string, timeouts = {}) => {
    const account = { auth: "v1", username: swift.user, key: swift.key };
    const settings = swiftSettings.parse({ kind: "swift", authUrl, container, ...account });
    return createSwiftStore({ name: "archive", root: "", settings, timeouts });
  };
  const behind = swift.authUrl.replace(/:\d+/, `:${port ?? proxy.port}`);
  return inDirect(storeAt(behind, { ...patience, ...timeouts }), proxy, storeAt(swift.authUrl));
}

async function openAzure(server: Azurite, { port, ...timeouts }: OpenEnd = {}): Promise<End> {
  const { endpoint, account, accountKey } = server;
  const proxy = await startFaultProxy({ target: Number(new URL(endpoint).port) });
  const service = new BlobServiceClient(endpoint, new StorageSharedKeyCredential(account, accountKey));
  const { containerClient } = await service.createContainer(randomUUID());
  const storeAt = (address: string, timeouts = {}) => {
    const place = { account, endpoint: address, accountKey, container: containerClient.containerName };
    const settings = azureSettings.parse({ kind: "azure", ...place });
    return createAzureStore({ name: "archive", root: "", settings, timeouts });
  };
  const behind = endpoint.replace(/:\d+/, `:${port ?? proxy.port}`);
  return inDirect(storeAt(behind, { ...patience, ...timeouts }), proxy, storeAt(endpoint));
}

/** Of an object store: `direct` goes past the proxy. */
function inDirect(store: Store, proxy: FaultProxy, direct: Store): End {
  return {
    ...{ store, proxy, lying: () => keysOf(direct), bytesOf: (key) => read(direct, key) },
    async place(key, bytes) {
      await direct.put(key, Readable.from([bytes], { objectMode: false }), { contentType: "image/jpeg" });
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([store.close(), direct.close()]);
      await proxy[Symbol.asyncDispose]();
    },
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
