import assert from "node:assert/strict";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { createS3Store } from "../../src/stores/s3.ts";
import { connectS3, type S3Settings, s3Timeouts } from "../../src/stores/s3-client.ts";
import { statusOf } from "../../src/stores/s3-problem.ts";
import { removeObject } from "../../src/stores/s3-remove.ts";
import { bodyOf, keysOf, read, withCode } from "../contracts/store.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { type Ceph, startCeph, withoutCeph } from "../fixtures/ceph-server.ts";

const image = { contentType: "image/jpeg" };
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

async function openBucket(changed: Partial<S3Settings> = {}) {
  const Bucket = `b-${randomUUID()}`;
  await client.send(new CreateBucketCommand({ Bucket }));
  const settings: S3Settings = {
    ...{ endpoint: ceph.endpoint, region: "us-east-1", bucket: Bucket, prefix: "in/" },
    ...{ accessKey: ceph.accessKey, secretKey: ceph.secretKey, read: "direct", conditionalWrites: true },
    ...changed,
  };
  const store = createS3Store({ name: "wards", settings, root: "" });
  const uploads = async () => (await client.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads ?? [];
  return { store, settings, Bucket, uploads, [Symbol.asyncDispose]: () => store.close() };
}

const MiB = 2 ** 20;

describe("a bucket as a store", { skip }, () => {
  test("refuses to delete what has become another object since it was looked at, unless it heeds no conditions", async () => {
    await using bucket = await openBucket();
    const { store, settings } = bucket;
    const on = await connectS3(settings, s3Timeouts);
    const object = { Bucket: bucket.Bucket, Key: "in/a.jpg" };
    const { version } = await store.put("a.jpg", bodyOf("old"), image);
    await sleep(1100);
    await store.put("a.jpg", bodyOf("newer"), image);
    const isRefused = (error: unknown) => statusOf(error) === 412;
    await assert.rejects(removeObject(on, settings, object, version), isRefused);
    assert.equal(String(await read(store, "a.jpg")), "newer");
    await removeObject(on, { ...settings, conditionalWrites: false }, object, version);
    assert.deepEqual(await keysOf(store), []);
    on.client.destroy();
  });

  test("takes large objects in parts, under the same conditions, and leaves none of those that fail", async () => {
    await using bucket = await openBucket();
    const { store } = bucket;
    const bytes = randomBytes(40 * MiB);
    const body = () => Readable.from(chunksOf(bytes), { objectMode: false });
    const put = await store.put("large.tiff", body(), { ...image, size: bytes.length, ifNoneMatch: "*" });
    assert.equal(put.size, bytes.length);
    const hash = createHash("sha256");
    for await (const chunk of (await store.get("large.tiff", { version: put.version })).stream) hash.update(chunk);
    assert.equal(hash.digest("hex"), createHash("sha256").update(bytes).digest("hex"));
    await assert.rejects(store.put("large.tiff", body(), { ...image, ifNoneMatch: "*" }), withCode("already-exists"));
    await assert.rejects(store.put("large.tiff", body(), { ...image, ifMatch: "x@1" }), withCode("already-exists"));
    async function* failing() {
      yield* chunksOf(bytes);
      throw new Error("the line broke");
    }
    await assert.rejects(store.put("other.tiff", Readable.from(failing()), image), /the line broke/);
    await assert.rejects(store.put("other.tiff", body(), { ...image, size: bytes.length + 1 }));
    assert.deepEqual(await keysOf(store), ["large.tiff"]);
    assert.equal((await store.head("large.tiff"))?.version, put.version);
    assert.deepEqual(await bucket.uploads(), []);
  });

  test("gives up what interrupted uploads left a day ago, below its own prefix alone", async () => {
    await using bucket = await openBucket();
    const { store, Bucket } = bucket;
    for (const Key of ["in/a.jpg", "in/b.jpg", "elsewhere/c.jpg"]) {
      const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
      await client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: Buffer.alloc(1000) }));
    }
    assert.equal(await store.sweep!(), 0);
    assert.equal((await bucket.uploads()).length, 3);
    assert.equal(await store.sweep!(-60_000), 2);
    assert.deepEqual(
      (await bucket.uploads()).map(({ Key }) => Key),
      ["elsewhere/c.jpg"],
    );
  });

  test("with versions shows the newest, or that it was deleted", async () => {
    await using bucket = await openBucket();
    const { store, Bucket } = bucket;
    const VersioningConfiguration = { Status: "Enabled" as const };
    await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    const first = await store.put("a.jpg", bodyOf("first"), image);
    const second = await store.put("a.jpg", bodyOf("second one"), image);
    await assert.rejects(store.get("a.jpg", { version: first.version }), withCode("changed-while-reading"));
    assert.equal(String(await read(store, "a.jpg", { version: second.version })), "second one");
    await client.send(new DeleteObjectCommand({ Bucket, Key: "in/a.jpg" }));
    assert.equal(await store.head("a.jpg"), undefined);
    await assert.rejects(store.get("a.jpg", { version: second.version }), withCode("not-found"));
    assert.deepEqual(await keysOf(store), []);
    const third = await store.put("a.jpg", bodyOf("first"), { ...image, ifNoneMatch: "*" });
    assert.equal(third.size, 5);
    await store.remove("a.jpg");
    assert.equal(await store.head("a.jpg"), undefined);
  });

  test("is looked at before each write where the server knows no conditions", async () => {
    await using bucket = await openBucket({ conditionalWrites: false });
    const { store } = bucket;
    const first = await store.put("a.jpg", bodyOf("first"), { ...image, ifNoneMatch: "*" });
    await assert.rejects(store.put("a.jpg", bodyOf("x"), { ...image, ifNoneMatch: "*" }), withCode("already-exists"));
    await assert.rejects(store.put("a.jpg", bodyOf("x"), { ...image, ifMatch: "x@1" }), withCode("already-exists"));
    await store.put("a.jpg", bodyOf("second one"), { ...image, ifMatch: first.version });
    assert.equal(String(await read(store, "a.jpg")), "second one");
  });

  test("lists no markers of folders and nothing that systems keep for themselves", async () => {
    await using bucket = await openBucket();
    const { store, Bucket } = bucket;
    const markers = ["in/", "in/ward/", "in/ward/.DS_Store", "in/ward/Thumbs.db", "in/@eaDir/a.jpg"];
    for (const Key of markers) await client.send(new PutObjectCommand({ Bucket, Key, Body: "" }));
    for (const Key of ["in/ward/a.jpg", "in/empty.jpg", "outside.jpg"])
      await client.send(new PutObjectCommand({ Bucket, Key, Body: Key === "in/empty.jpg" ? "" : "x" }));
    assert.deepEqual(await keysOf(store), ["empty.jpg", "ward/a.jpg"]);
  });

  test("keeps the content type, and metadata of whoever reads it", async () => {
    await using bucket = await openBucket();
    await bucket.store.put("a.png", bodyOf("x"), { contentType: "image/png", metadata: { "veil-job": "42" } });
    const { ContentType, Metadata } = await client.send(
      new GetObjectCommand({ Bucket: bucket.Bucket, Key: "in/a.png" }),
    );
    assert.deepEqual([ContentType, Metadata], ["image/png", { "veil-job": "42" }]);
  });

  test("is reached by TLS from authorities that are named, and from no others", async () => {
    await using folder = await temporaryFolder();
    const caFile = join(folder.path, "ca.pem");
    await writeFile(caFile, ceph.tls.ca);
    await using trusted = await openBucket({ endpoint: ceph.tls.endpoint, caFile });
    await trusted.store.put("a.jpg", bodyOf("x"), image);
    assert.equal(String(await read(trusted.store, "a.jpg")), "x");
    await using stranger = await openBucket({ endpoint: ceph.tls.endpoint });
    await assert.rejects(stranger.store.head("a.jpg"), (error: { code: string; remedy: string }) => {
      return error.code === "store-unavailable" && /caFile/.test(error.remedy);
    });
    await using absent = await openBucket({ caFile: join(folder.path, "absent.pem") });
    await assert.rejects(absent.store.head("a.jpg"), withCode("invalid-config"));
  });

  test("asks for the encryption that is set", async () => {
    // Ceph 16 has no keys of its own: a server that only listens.
    const asked: (string | undefined)[][] = [];
    const server = createServer((request, response) => {
      const of = (name: string) => request.headers[`x-amz-server-side-encryption${name}`] as string | undefined;
      if (request.method === "PUT") asked.push([of(""), of("-aws-kms-key-id")]);
      const length = request.method === "HEAD" ? 1 : 0;
      request.resume().on("end", () => response.writeHead(200, { etag: `"x"`, "content-length": length }).end());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await using plain = await openBucket({ endpoint });
    await using own = await openBucket({ endpoint, encryption: "AES256" });
    await using kms = await openBucket({ endpoint, encryption: "aws:kms", kmsKey: "alias/veil" });
    for (const { store } of [plain, own, kms]) await store.put("a.jpg", bodyOf("x"), image);
    assert.deepEqual(asked, [
      [undefined, undefined],
      ["AES256", undefined],
      ["aws:kms", "alias/veil"],
    ]);
    server.closeAllConnections();
    server.close();
  });

  test("holds no connection for what is read and let go of", async () => {
    await using bucket = await openBucket();
    const { store } = bucket;
    await store.put("a.jpg", bodyOf(randomBytes(8 * MiB)), image);
    // More than the client has connections.
    for (let round = 0; round < 100; round += 1) {
      const { stream } = await store.get("a.jpg");
      await stream[Symbol.asyncIterator]().next();
      stream.destroy();
    }
    assert.equal((await read(store, "a.jpg")).length, 8 * MiB);
  });
});

function* chunksOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}
