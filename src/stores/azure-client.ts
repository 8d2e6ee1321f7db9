import { readFile } from "node:fs/promises";
import { Agent } from "node:http";
import { Agent as TlsAgent } from "node:https";
import type { ContainerClient, RequestPolicyFactory, StoragePipelineOptions } from "@azure/storage-blob";
import { Problem } from "../errors.ts";
import { loadClient } from "./client.ts";
import type { HttpTimeouts } from "./http-client.ts";

export interface AzureSettings {
  readonly account?: string;
  readonly container: string;
  readonly prefix: string;
  /** Of the account, where it is not in Microsoft's public cloud. */
  readonly endpoint?: string;
  readonly accountKey?: string;
  readonly sas?: string;
  /** In place of account, endpoint and key. */
  readonly connectionString?: string;
  readonly caFile?: string;
}

export interface AzureConnection {
  readonly container: ContainerClient;
  /** Of the account, without anything secret. */
  readonly endpoint: string;
  /**
   * Gives a call up when it has not moved for so long; `moved` says that it has. Never while an answer's body is read.
   */
  patiently<T>(work: (signal: AbortSignal, moved: () => void) => Promise<T>): Promise<T>;
  close(): void;
}

// A put that failed may have succeeded: the client must not try it again behind our back.
const once = { maxTries: 1 };
const keepMs = 4_000;

export async function connectAzure(
  settings: AzureSettings,
  { connectMs = 10_000, idleMs = 30_000 }: HttpTimeouts,
): Promise<AzureConnection> {
  const { account = "", caFile, connectionString } = settings;
  const sdk = await loadClient("azure", "@azure/storage-blob", () => import("@azure/storage-blob"));
  const ca = caFile === undefined ? undefined : await certificatesOf(caFile);
  const plain = impatient(new Agent({ keepAlive: true, timeout: keepMs }), connectMs);
  const secure = impatient(
    new TlsAgent({ keepAlive: true, timeout: keepMs, ...(ca !== undefined && { ca }) }),
    connectMs,
  );
  const options: StoragePipelineOptions = { retryOptions: once };
  const agents: RequestPolicyFactory = {
    create: (next) => ({
      sendRequest(request) {
        request.agent = request.url.startsWith("https:") ? secure : plain;
        return next.sendRequest(request);
      },
    }),
  };
  const address = settings.endpoint ?? `https://${account}.blob.core.windows.net`;
  const from =
    connectionString === undefined ? undefined : sdk.BlobServiceClient.fromConnectionString(connectionString);
  const url = from?.url ?? (settings.sas === undefined ? address : `${address}?${settings.sas.replace(/^\?/, "")}`);
  const pipeline = sdk.newPipeline(from?.credential ?? (await credentialOf(settings, sdk)), options);
  pipeline.factories.push(agents);
  const service = new sdk.BlobServiceClient(url, pipeline);

  return {
    container: service.getContainerClient(settings.container),
    endpoint: url.replace(/\?.*$/, ""),
    async patiently(work) {
      const giveUp = new AbortController();
      const timer = setTimeout(() => giveUp.abort(), idleMs);
      try {
        return await work(giveUp.signal, () => void timer.refresh());
      } finally {
        clearTimeout(timer);
      }
    },
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
}

async function credentialOf(
  { account = "", accountKey, sas }: AzureSettings,
  sdk: typeof import("@azure/storage-blob"),
) {
  if (accountKey !== undefined) return new sdk.StorageSharedKeyCredential(account, accountKey);
  if (sas !== undefined) return new sdk.AnonymousCredential();
  const identity = await loadClient("azure", "@azure/identity", () => import("@azure/identity"));
  return new identity.DefaultAzureCredential();
}

async function certificatesOf(caFile: string): Promise<string> {
  try {
    return await readFile(caFile, "utf8");
  } catch (error) {
    throw new Problem("invalid-config", `Cannot read ${caFile}, which caFile names`, { cause: error });
  }
}

/** Gives connections up that do not stand in time. */
function impatient<T extends Agent>(agent: T, connectMs: number): T {
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    const socket = connect(options, callback);
    const late = Object.assign(new Error(`no connection within ${connectMs} ms`), { code: "ETIMEDOUT" });
    const timer = setTimeout(() => socket?.destroy(late), connectMs);
    for (const event of ["close", agent instanceof TlsAgent ? "secureConnect" : "connect"]) {
      socket?.once(event, () => clearTimeout(timer));
    }
    return socket;
  };
  return agent;
}
