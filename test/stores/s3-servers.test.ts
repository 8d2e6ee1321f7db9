import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createS3Store } from "../../src/stores/s3.ts";
import type { S3Settings } from "../../src/stores/s3-client.ts";
import { bodyOf, keysOf, withCode } from "../contracts/store.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { makeCertificate } from "../fixtures/certificate.ts";
import { startStandIn } from "./http-stand-in.ts";

const image = { contentType: "image/jpeg" };

function openBucket(url: string, changed: Partial<S3Settings> = {}, idleMs = 4000) {
  const settings: S3Settings = {
    ...{ endpoint: url.replace(/\/$/, ""), region: "us-east-1", bucket: "wards", prefix: "" },
    ...{ accessKey: "veil", secretKey: "secret", read: "direct", conditionalWrites: true },
    ...changed,
  };
  const store = createS3Store({ name: "wards", settings, root: "", timeouts: { connectMs: 1000, idleMs } });
  return { store, [Symbol.asyncDispose]: () => store.close() };
}

/** Keeps what is put, and heeds no condition. */
function createHeedless() {
  // The bucket itself is there too.
  const objects = new Map([["/wards", Buffer.of()]]);
  return {
    objects,
    async answer(request: IncomingMessage, response: ServerResponse) {
      const key = new URL(request.url ?? "", "http://x").pathname.replace(/\/$/, "");
      if (request.method === "PUT") objects.set(key, Buffer.concat(await request.toArray()));
      const bytes = objects.get(key);
      const facts = { etag: '"e"', "last-modified": new Date(0).toUTCString(), "content-length": bytes?.length ?? 0 };
      if (bytes === undefined) response.writeHead(404).end();
      else if (request.method === "HEAD") response.writeHead(200, facts).end();
      else response.writeHead(200, { etag: '"e"' }).end();
    },
  };
}

describe("an S3 server that is not like others", () => {
  test("may take an object as slowly as it likes, as long as it takes something", async () => {
    const heedless = createHeedless();
    let isSlow = true;
    await using server = await startStandIn(async (request, response) => {
      if (request.method !== "PUT") return heedless.answer(request, response);
      request.on("error", () => {});
      for (let got = 0; isSlow; ) {
        const chunk: Buffer | null = request.read();
        if (chunk === null && request.readableEnded) break;
        if (chunk !== null) got += chunk.length;
        if (got >= 15_000_000) break;
        await sleep((chunk?.length ?? 0) / 2500 || 5);
        if (request.destroyed && !request.readableEnded) isSlow = false;
      }
      heedless.objects.set("/wards/a.tiff", Buffer.alloc(15_000_000));
      response.writeHead(200, { etag: '"e"' }).end();
    });
    await using bucket = openBucket(server.url);
    const began = performance.now();
    await bucket.store.put("a.tiff", Readable.from([Buffer.alloc(15_000_000)], { objectMode: false }), image);
    assert.ok(performance.now() - began > 4500, "it was no slow server");
    assert.equal(server.requests.filter(({ method }) => method === "PUT").length, 1);
  });

  test("that tells a part of a listing and not how to go on does not pass for one that has told all", async () => {
    const page = (rest: string) =>
      `<ListBucketResult><IsTruncated>true</IsTruncated>${rest}<Contents><Key>a.jpg</Key><Size>1</Size></Contents></ListBucketResult>`;
    for (const rest of ["", "<NextMarker>a.jpg</NextMarker>", "<NextContinuationToken>same</NextContinuationToken>"]) {
      await using server = await startStandIn((_, response) => response.end(page(rest)));
      await using bucket = openBucket(server.url);
      await assert.rejects(keysOf(bucket.store), withCode("store-unavailable"), rest);
    }
  });

  test("that heeds no condition is not made to replace what is there", async () => {
    const heedless = createHeedless();
    await using server = await startStandIn((request, response) => void heedless.answer(request, response));
    await using bucket = openBucket(server.url);
    heedless.objects.set("/wards/a.jpg", Buffer.from("somebody else's"));
    await assert.rejects(
      bucket.store.put("a.jpg", bodyOf("masked"), { ...image, ifNoneMatch: "*" }),
      withCode("already-exists"),
    );
    await assert.rejects(
      bucket.store.put("a.jpg", bodyOf("masked"), { ...image, ifMatch: "other@0" }),
      withCode("already-exists"),
    );
    assert.equal(String(heedless.objects.get("/wards/a.jpg")), "somebody else's");
    await bucket.store.put("b.jpg", bodyOf("masked"), { ...image, ifNoneMatch: "*" });
  });

  test("is reached once the file with its authorities is there", async () => {
    const heedless = createHeedless();
    await using server = await startStandIn((request, response) => void heedless.answer(request, response));
    await using folder = await temporaryFolder();
    const caFile = join(folder.path, "ca.pem");
    await using bucket = openBucket(server.url, { caFile });
    heedless.objects.set("/wards/a.jpg", Buffer.from("a"));
    await assert.rejects(bucket.store.head("a.jpg"), withCode("invalid-config"));
    await writeFile(caFile, (await makeCertificate())?.cert ?? "");
    assert.equal((await bucket.store.head("a.jpg"))?.size, 1);
  });
});
