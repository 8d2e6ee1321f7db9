import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { openSpool } from "../../src/pipeline/spool.ts";
import { createS3Store } from "../../src/stores/s3.ts";
import { eventually } from "../contracts/eventually.ts";
import { withCode } from "../contracts/store.ts";
import { s3Error } from "../fixtures/canned-answers.ts";
import { startStandIn } from "../stores/http-stand-in.ts";

// A Ceph in memory can hold neither: servers that answer as S3's specification says.

const fiveGib = 5 * 2 ** 30;
const date = new Date(1_700_000_000_000);

function storeAt(url: string) {
  const settings = { endpoint: url, region: "us-east-1", bucket: "photos", prefix: "", accessKey: "a", secretKey: "b" };
  return createS3Store({
    ...{ name: "archive", root: "", timeouts: { connectMs: 5_000, idleMs: 5_000 } },
    settings: { ...settings, read: "direct", conditionalWrites: true },
  });
}

test("an S3 object of 5 GiB is told with its size, read in parts beyond 4 GiB, and refused by size without being read", async () => {
  let sent = 0;
  await using server = await startStandIn((request, response) => {
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? "") ?? [];
    const size = to === undefined ? fiveGib : Number(to) - Number(from) + 1;
    response.writeHead(to === undefined ? 200 : 206, {
      ...{ etag: '"5-gib-320"', "last-modified": date.toUTCString(), "content-length": size },
      ...(to !== undefined && { "content-range": `bytes ${from}-${to}/${fiveGib}` }),
    });
    if (request.method === "HEAD") return response.end();
    pour(response, size, (bytes) => {
      sent += bytes;
    });
  });
  const store = storeAt(server.url);
  const root = await mkdtemp(join(tmpdir(), "veil-large-"));
  const spool = await openSpool(root);
  try {
    assert.equal((await store.head("film.tif"))?.size, fiveGib);
    const range = { start: fiveGib - 1_000, end: fiveGib - 1 };
    const part = await store.get("film.tif", { range });
    assert.equal(part.info.size, fiveGib);
    assert.equal(Buffer.concat(await part.stream.toArray()).length, 1_000);
    sent = 0;
    const { info, stream } = await store.get("film.tif");
    assert.equal(info.size, fiveGib);
    await assert.rejects(spool.receive(stream, { maxBytes: 2_000_000 }), withCode("too-large"));
    await eventually("its connection is gone", () => stream.destroyed);
    assert.ok(sent < 50_000_000, `${sent} bytes were sent`);
    assert.deepEqual(await readdir(spool.folder), []);
  } finally {
    await store.close();
    await spool.close();
    await rm(root, { recursive: true });
  }
});

/** As fast as they are taken, until nobody takes them. */
function pour(response: ServerResponse, size: number, onSent: (bytes: number) => void): void {
  const piece = Buffer.alloc(65_536);
  let left = size;
  const go = () => {
    while (left > 0 && !response.destroyed) {
      const bytes = Math.min(left, piece.length);
      left -= bytes;
      onSent(bytes);
      if (!response.write(piece.subarray(0, bytes))) return void response.once("drain", go);
    }
    response.end();
  };
  go();
}

test("an S3 listing of a million keys goes on after a page that failed, and holds no more than a page", async () => {
  const pages = 1000;
  const failing = 500;
  const asked: number[] = [];
  await using server = await startStandIn((request, response) => {
    const page = pageOf(request);
    asked.push(page);
    // Three times is what the client itself tries.
    if (page === failing && asked.filter((one) => one === failing).length <= 4) {
      const { headers, body } = s3Error("SlowDown", "Please reduce your request rate.");
      return void response.writeHead(503, headers).end(body);
    }
    response.writeHead(200, { "content-type": "application/xml" }).end(pageXml(page, page + 1 < pages));
  });
  const store = storeAt(server.url);
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  let count = 0;
  let early = 0;
  let sum = 0;
  for await (const { key, size } of store.list("")) {
    assert.equal(size, 1_000);
    sum += Number(key.slice(4, -4));
    count += 1;
    if (count === 100_000) {
      collect();
      early = process.memoryUsage().heapUsed;
    }
  }
  collect();
  const growth = process.memoryUsage().heapUsed - early;
  await store.close();
  assert.equal(count, 1_000_000);
  assert.equal(sum, (999_999 * 1_000_000) / 2, "each came once");
  assert.equal(asked.length, pages + 4);
  assert.ok(growth < 10_000_000, `the heap grew by ${growth} bytes`);
});

function pageOf({ url = "" }: IncomingMessage): number {
  const token = new URL(url, "http://stand-in").searchParams.get("continuation-token");
  return token === null ? 0 : Number(token.slice("page ".length));
}

/** A page of ListObjectsV2, 1000 keys as S3 gives them. */
function pageXml(page: number, isTruncated: boolean): string {
  const contents = Array.from({ length: 1_000 }, (_, index) => {
    const key = `img-${page * 1_000 + index}.jpg`;
    return `<Contents><Key>${key}</Key><LastModified>${date.toISOString()}</LastModified><ETag>&quot;${key}&quot;</ETag><Size>1000</Size><StorageClass>STANDARD</StorageClass></Contents>`;
  });
  const next = isTruncated ? `<NextContinuationToken>page ${page + 1}</NextContinuationToken>` : "";
  return `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>photos</Name><Prefix></Prefix><KeyCount>1000</KeyCount><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType><IsTruncated>${isTruncated}</IsTruncated>${next}${contents.join("")}</ListBucketResult>`;
}
