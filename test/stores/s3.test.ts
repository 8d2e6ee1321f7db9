import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before } from "node:test";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { createS3Store } from "../../src/stores/s3.ts";
import type { S3Settings } from "../../src/stores/s3-client.ts";
import { storeContract } from "../contracts/store.ts";
import { type Ceph, startCeph, withoutCeph } from "../fixtures/ceph-server.ts";

const skip = withoutCeph();
let ceph: Ceph;
let client: S3Client;
before(async () => {
  if (skip !== false) return;
  ceph = await startCeph();
  const credentials = { accessKeyId: ceph.accessKey, secretAccessKey: ceph.secretKey };
  client = new S3Client({ endpoint: ceph.endpoint, region: "us-east-1", forcePathStyle: true, credentials });
});
after(async () => {
  client?.destroy();
  await ceph?.[Symbol.asyncDispose]();
});

async function openStore({ root = "", ...changed }: Partial<S3Settings> & { readonly root?: string } = {}) {
  const bucket = `b-${randomUUID()}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  const settings: S3Settings = {
    ...{ endpoint: ceph.endpoint, region: "us-east-1", bucket, prefix: "" },
    ...{ accessKey: ceph.accessKey, secretKey: ceph.secretKey, read: "direct", conditionalWrites: true },
    ...changed,
  };
  const store = createS3Store({ name: "s3", settings, root });
  return { store, settings, [Symbol.asyncDispose]: () => store.close() };
}

const traits = { plainKeys: true, keepsMetadata: true, conditional: true, tickMs: 1100, skip } as const;
storeContract("S3 (Ceph)", openStore, traits);
storeContract(
  "S3 read by signed addresses, below a prefix",
  () => openStore({ read: "presigned", prefix: "some/", root: "where" }),
  traits,
);
assert.ok(true);
