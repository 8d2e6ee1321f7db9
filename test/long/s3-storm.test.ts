import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { S3Client } from "@aws-sdk/client-s3";
import { s3Of } from "../e2e/s3-buckets.ts";
import { s3Storm } from "../e2e/s3-storm.ts";
import { type Ceph, startCeph, withoutCeph } from "../fixtures/ceph-server.ts";
import { startRabbit, withoutRabbit } from "../fixtures/rabbitmq-server.ts";

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

describe("five hundred objects, put while veil and the gateway are killed", { skip }, () => {
  it("over HTTP", async (t) => {
    const { seconds, kills } = await s3Storm(ceph, client, { count: 500 });
    t.diagnostic(`500 objects in ${seconds.toFixed(0)} s, ${kills} kills`);
    assert.equal(kills, 2);
  });

  it("over RabbitMQ", { skip: withoutRabbit() }, async (t) => {
    await using rabbit = await startRabbit();
    const { seconds, kills } = await s3Storm(ceph, client, { count: 500, amqp: rabbit.url });
    t.diagnostic(`500 objects in ${seconds.toFixed(0)} s, ${kills} kills`);
    assert.equal(kills, 2);
  });
});
