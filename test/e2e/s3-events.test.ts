import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { DeleteObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import sharp from "sharp";
import { type Ceph, startCeph, withoutCeph } from "../fixtures/ceph-server.ts";
import { startRabbit, withoutRabbit } from "../fixtures/rabbitmq-server.ts";
import { freePorts } from "../fixtures/watched.ts";
import { startProgram, until } from "./program.ts";
import { notify, openBuckets, s3Of } from "./s3-buckets.ts";
import { s3Storm } from "./s3-storm.ts";

const skip = withoutCeph();
let ceph: Ceph;
let client: S3Client;
before(async () => {
  if (skip !== false) return;
  ceph = await startCeph();
  client = s3Of(ceph);
});
after(async () => {
  client?.destroy();
  await ceph?.[Symbol.asyncDispose]();
});

describe("Ceph's own events", { skip }, () => {
  test("bring an object at once, and take its result along with it, long before a listing would", async () => {
    const { port } = await freePorts("port");
    const token = "a-token-of-some-length";
    const slow = "    reconcileMs: 3600000\n    removed: remove\n    mostRemoved: 1\n";
    await using buckets = await openBuckets(ceph, client, slow, `events: {webhook: {token: ${token}, port: ${port}}}`);
    await using veil = await startProgram({ dataDir: buckets.dataDir });
    const endpoint = `http://127.0.0.1:${port}/webhook?token=${token}`;
    await notify(ceph, client, buckets.raw, { "push-endpoint": endpoint });
    const portrait = await sharp(new URL("../fixtures/astronaut.png", import.meta.url).pathname)
      .resize(200)
      .jpeg()
      .toBuffer();
    await buckets.put("ward 1/früh+spät 100%.jpg", portrait);
    await buckets.put("b.jpg", portrait);
    await until("both are there", async () => {
      return (await buckets.head("ward 1/früh+spät 100%.jpg")) !== undefined && (await buckets.head("b.jpg"));
    });
    await client.send(new DeleteObjectCommand({ Bucket: buckets.raw, Key: "b.jpg" }));
    await until("its result went with it", async () => (await buckets.head("b.jpg")) === undefined);
    const metrics = await (await fetch(`${veil.address}/metrics`)).text();
    assert.match(metrics, /veil_announcements_waiting\{route="wards"\} 0/);
    assert.match(metrics, /veil_route_reconcile_lag_seconds\{route="wards"\} \d/);
    await veil.stop();
    assert.ok(!veil.log().includes(token), "the token was logged");
  });

  test("over HTTP, with veil away for a time and the gateway killed: each object is masked, by one job", async () => {
    const { kills } = await s3Storm(ceph, client, { count: 90 });
    assert.equal(kills, 2);
  });

  test("over RabbitMQ the same", { skip: withoutRabbit() }, async () => {
    await using rabbit = await startRabbit();
    const { kills } = await s3Storm(ceph, client, { count: 90, amqp: rabbit.url });
    assert.equal(kills, 2);
  });
});
