import { randomUUID } from "node:crypto";
import { CreateBucketCommand, ListMultipartUploadsCommand, S3Client } from "@aws-sdk/client-s3";
import { createS3Store } from "../../src/stores/s3.ts";
import type { S3Settings, S3Timeouts } from "../../src/stores/s3-client.ts";
import { keysOf } from "../contracts/store.ts";
import type { Ceph } from "../fixtures/ceph-server.ts";
import { type FaultProxyOptions, startFaultProxy } from "../fixtures/fault-proxy.ts";

export interface S3Account {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

/** Another account of that Ceph. */
export async function createAccount({ exec, endpoint }: Ceph): Promise<S3Account & { readonly uid: string }> {
  const [uid, accessKey, secretKey] = [randomUUID(), randomUUID(), randomUUID()];
  const keys = [`--access-key=${accessKey}`, `--secret=${secretKey}`];
  await exec("user", "create", `--uid=${uid}`, "--display-name=somebody", ...keys);
  return { uid, endpoint, accessKey, secretKey };
}

export interface OpenedS3 {
  readonly name?: string;
  readonly settings?: Partial<S3Settings>;
  readonly timeouts?: S3Timeouts;
  readonly proxy?: Partial<FaultProxyOptions>;
}

/** A store in a bucket of its own, with a proxy before its server. */
export async function openS3(account: S3Account, opened: OpenedS3 = {}) {
  const { name = "archive", timeouts = { connectMs: 5_000, idleMs: 5_000 }, proxy: options = {} } = opened;
  const { endpoint, accessKey, secretKey } = account;
  const proxy = await startFaultProxy({ target: Number(new URL(endpoint).port), ...options });
  const scheme = options.certificate === undefined ? "http" : "https";
  const bucket = `b-${randomUUID()}`;
  const own = { region: "us-east-1", bucket, prefix: "", accessKey, secretKey } as const;
  const rest = { read: "direct", conditionalWrites: true } as const;
  const direct = createS3Store({ name: "direct", root: "", settings: { endpoint, ...own, ...rest } });
  const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey };
  const client = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  const settings = { endpoint: `${scheme}://${proxy.host}:${proxy.port}`, ...own, ...rest, ...opened.settings };
  const store = createS3Store({ name, settings, root: "", timeouts });
  return {
    ...{ store, proxy, bucket, client, direct },
    /** What lies in the bucket, seen beside the proxy; unfinished uploads too. */
    async lying(): Promise<readonly string[]> {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
      return [...(await keysOf(direct)), ...Uploads.map(({ Key }) => `unfinished ${Key}`)];
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([store.close(), direct.close()]);
      client.destroy();
      await proxy[Symbol.asyncDispose]();
    },
  };
}
