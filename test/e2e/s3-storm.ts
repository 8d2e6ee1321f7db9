import assert from "node:assert/strict";
import type { S3Client } from "@aws-sdk/client-s3";
import sharp from "sharp";
import type { JobsResponse } from "../../src/http/schema.ts";
import type { Ceph } from "../fixtures/ceph-server.ts";
import { freePorts } from "../fixtures/watched.ts";
import { type Program, startProgram, until } from "./program.ts";
import { notify, openBuckets } from "./s3-buckets.ts";

const portrait = new URL("../fixtures/astronaut.png", import.meta.url).pathname;
const token = "a-token-for-the-storm";
const putsAtOnce = 6;

export interface StormOptions {
  readonly count: number;
  /** Through which broker events come; absent: through the webhook. */
  readonly amqp?: string;
}

export interface StormReport {
  /** What came by an event, before any listing had looked again. */
  readonly seconds: number;
  readonly kills: number;
}

/**
 * Objects are put by a client that tries again, while veil, with it the webhook, is killed and away for a time, and the
 * gateway is killed and started anew half-way. At the end each has its masked object, made by one job.
 */
export async function s3Storm(ceph: Ceph, client: S3Client, { count, amqp }: StormOptions): Promise<StormReport> {
  const { port } = await freePorts("port");
  const events =
    amqp === undefined
      ? `events: {webhook: {token: ${token}, port: ${port}}}`
      : `events: {amqp: {url: "${amqp}", exchange: storm, queue: storm-${port}}}`;
  await using buckets = await openBuckets(ceph, client, "    reconcileMs: 4000\n", events);
  const flags = ["--set", "jobs.leaseMs=4000", "--set", "cache.driver=none", "--set", "jobs.retryDelayMs=200"];
  // Long enough for a gateway that dies by itself, which Ceph's does under load, to be there again.
  flags.push("--set", "jobs.maxRetries=8");
  const options = { dataDir: buckets.dataDir, flags };
  const began = performance.now();
  let veil = await startProgram(options);
  const attributes =
    amqp === undefined
      ? { "push-endpoint": `http://127.0.0.1:${port}/webhook?token=${token}` }
      : // Ceph takes no user in the address: RabbitMQ's guest is its own default.
        { "push-endpoint": amqp.replace(/\/\/[^@]*@/, "//"), "amqp-exchange": "storm", "amqp-ack-level": "broker" };
  await notify(ceph, client, buckets.raw, attributes);

  const pictures = new Map<string, { readonly width: number; readonly bytes: Buffer; readonly tries: number }>();
  const next = Array.from({ length: count }, (_, index) => index).values();
  const half = Promise.withResolvers<void>();
  const third = Promise.withResolvers<void>();
  const putters = Array.from({ length: putsAtOnce }, async () => {
    for (const index of next) {
      const key = `ward ${index % 7}/photo+${index}.jpg`;
      const width = 120 + (index % 200);
      const bytes = await sharp(portrait)
        .resize(width)
        .modulate({ hue: index % 360 })
        .jpeg()
        .toBuffer();
      pictures.set(key, { width, bytes, tries: await buckets.put(key, bytes) });
      if (pictures.size >= count / 3) third.resolve();
      if (pictures.size >= count / 2) half.resolve();
    }
  });
  let kills = 0;
  const troubles = (async () => {
    await third.promise;
    await veil.kill();
    kills += 1;
    await half.promise;
    await ceph.killGateway();
    await ceph.startGateway();
    kills += 1;
    veil = await startProgram(options);
  })();
  try {
    await Promise.all([...putters, troubles]);
    await until(
      "all are done",
      async () => {
        const { done = 0, dead = 0, admitted = 0, started = 0, failed = 0 } = await countsOf(veil);
        if (dead > 0) assert.deepEqual(await deadOf(veil), [], veil.log().slice(-4000));
        return done >= count && admitted + started + failed === 0;
      },
      60_000 + count * 200,
    );
    const { jobs } = await pageOf(veil, count + 50);
    const byKey = Map.groupBy(jobs, ({ input }) => input.key);
    assert.deepEqual(new Set(byKey.keys()), new Set(pictures.keys()));
    // A try whose answer was lost has put the object all the same: then there are two versions of it.
    for (const [key, its] of byKey) assert.ok(its.length <= pictures.get(key)!.tries, `${its.length} jobs for ${key}`);
    for (const [key, { width, bytes }] of pictures) {
      const result = await buckets.read(key);
      assert.equal((await sharp(result).metadata()).width, width, key);
      assert.ok(!result.equals(bytes), key);
    }
    assert.equal(await veil.stop(), 0);
    return { seconds: (performance.now() - began) / 1000, kills };
  } finally {
    await veil[Symbol.asyncDispose]();
  }
}

async function deadOf({ address }: Program): Promise<readonly unknown[]> {
  const answer = await fetch(`${address}/api/v1/jobs?state=dead`);
  return ((await answer.json()) as JobsResponse).jobs;
}

async function countsOf(veil: Program): Promise<JobsResponse["counts"]> {
  return (await pageOf(veil, 1)).counts;
}

async function pageOf({ address }: Program, limit: number): Promise<JobsResponse> {
  const jobs: JobsResponse["jobs"][number][] = [];
  let after = "";
  for (;;) {
    const answer = await fetch(`${address}/api/v1/jobs?limit=${Math.min(limit - jobs.length, 500)}${after}`);
    const page = (await answer.json()) as JobsResponse & { next?: string };
    jobs.push(...page.jobs);
    if (page.next == null || jobs.length >= limit) return { ...page, jobs };
    after = `&after=${page.next}`;
  }
}
