import { randomUUID } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  CreateBucketCommand,
  type Event,
  GetObjectCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import type { Ceph } from "../fixtures/ceph-server.ts";
import { temporaryDataDir } from "./program.ts";

/** Somebody who uses a Ceph as its users do: with a client that tries again. */
export function s3Of({ endpoint, accessKey, secretKey }: Pick<Ceph, "endpoint" | "accessKey" | "secretKey">): S3Client {
  const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey };
  return new S3Client({
    ...{ endpoint, region: "us-east-1", forcePathStyle: true, credentials, maxAttempts: 12 },
    requestChecksumCalculation: "WHEN_REQUIRED",
    // Ceph lets a PUT wait for its event to be taken, and now and then for ever when that connection was closed.
    requestHandler: { requestTimeout: 15_000, throwOnRequestTimeout: true },
  });
}

export interface Buckets extends AsyncDisposable {
  readonly raw: string;
  readonly masked: string;
  /** Its veil.yaml has a route `wards` from the one bucket to the other. */
  readonly dataDir: string;
  put(key: string, body: Buffer): Promise<unknown>;
  /** What lies in the output; undefined: nothing. */
  head(key: string, as?: S3Client): Promise<HeadObjectCommandOutput | undefined>;
  read(key: string, as?: S3Client): Promise<Buffer>;
}

/** Two buckets and a data folder; `route` and `rest` are lines of veil.yaml. */
export async function openBuckets(ceph: Ceph, client: S3Client, route = "", rest = ""): Promise<Buckets> {
  const buckets = { raw: `raw-${randomUUID()}`, masked: `masked-${randomUUID()}` };
  for (const Bucket of Object.values(buckets)) await client.send(new CreateBucketCommand({ Bucket }));
  const dataDir = await temporaryDataDir();
  const keys = `accessKey: ${ceph.accessKey}, secretKey: ${ceph.secretKey}`;
  const store = (bucket: string) => `{kind: s3, endpoint: "${ceph.endpoint}", bucket: ${bucket}, ${keys}}`;
  const lines = [
    ...["stores:", `  raw: ${store(buckets.raw)}`, `  masked: ${store(buckets.masked)}`],
    ...["routes:", "  wards:", "    from: store:raw", "    to: store:masked", route, rest],
  ];
  await writeFile(join(dataDir, "veil.yaml"), lines.join("\n"));
  return {
    ...{ ...buckets, dataDir },
    put: (Key, Body) =>
      client.send(new PutObjectCommand({ Bucket: buckets.raw, Key, Body, ContentType: "image/jpeg" })),
    head: (Key, as = client) => as.send(new HeadObjectCommand({ Bucket: buckets.masked, Key })).catch(() => undefined),
    async read(Key, as = client) {
      const { Body } = await as.send(new GetObjectCommand({ Bucket: buckets.masked, Key }));
      return Buffer.from(await Body!.transformToByteArray());
    },
    [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true, force: true }),
  };
}

/** Lets Ceph tell of a bucket's objects; `attributes` are those of its topic, as Ceph's documentation has them. */
export async function notify(
  ceph: Ceph,
  client: S3Client,
  bucket: string,
  attributes: Readonly<Record<string, string>>,
): Promise<void> {
  const credentials = { accessKeyId: ceph.accessKey, secretAccessKey: ceph.secretKey };
  const sns = new SNSClient({ endpoint: ceph.endpoint, region: "us-east-1", credentials });
  const Name = `topic-${randomUUID()}`;
  const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name, Attributes: { ...attributes } }));
  sns.destroy();
  const TopicConfigurations = [{ Id: Name, TopicArn, Events: ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"] as Event[] }];
  const NotificationConfiguration = { TopicConfigurations };
  await client.send(new PutBucketNotificationConfigurationCommand({ Bucket: bucket, NotificationConfiguration }));
}
