import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { DeleteObjectCommand, PutBucketPolicyCommand, type S3Client } from "@aws-sdk/client-s3";
import sharp from "sharp";
import { type Ceph, startCeph, withoutCeph } from "../fixtures/ceph-server.ts";
import { veilCommand } from "../fixtures/veil-command.ts";
import { startProgram, until } from "./program.ts";
import { openBuckets, s3Of } from "./s3-buckets.ts";

const skip = withoutCeph();
let ceph: Ceph;
let client: S3Client;
let portrait: Buffer;
before(async () => {
  if (skip !== false) return;
  ceph = await startCeph();
  client = s3Of(ceph);
  portrait = await sharp(new URL("../fixtures/astronaut.png", import.meta.url).pathname)
    .resize(256)
    .jpeg()
    .toBuffer();
});
after(async () => {
  client?.destroy();
  await ceph?.[Symbol.asyncDispose]();
});

const poll = "    pollMs: 500";
const openWards = (route = "") => openBuckets(ceph, client, `${poll}\n${route}`);

describe("from one bucket into another", { skip }, () => {
  test("what is uploaded appears masked under the same name, with its type and marks", async () => {
    await using buckets = await openWards();
    await buckets.put("ward 1/früh+spät 100%.jpg", portrait);
    await buckets.put("/leading.jpg", portrait);
    await buckets.put("up/../x.jpg", portrait);
    await buckets.put("empty.jpg", Buffer.alloc(0));
    await buckets.put("notes.txt", Buffer.from("hello"));
    await using veil = await startProgram({ dataDir: buckets.dataDir, flags: ["--set", "cache.driver=none"] });
    for (const key of ["ward 1/früh+spät 100%.jpg", "/leading.jpg", "up/../x.jpg"]) {
      const { ContentType, Metadata } = await until(key, () => buckets.head(key));
      assert.equal(ContentType, "image/jpeg");
      assert.match(Metadata?.["veil-job"] ?? "", /^[0-9a-f]{32}$/);
      assert.match(Metadata?.["veil-policy"] ?? "", /^[0-9a-f]{16}$/);
      const result = await buckets.read(key);
      assert.notDeepEqual(result, portrait);
      assert.equal((await sharp(result).metadata()).width, 256);
    }
    // What can't be masked is never there, and said.
    const { jobs } = await until("all have ended", async () => {
      const answer = await fetch(`${veil.address}/api/v1/jobs?limit=50`);
      const page = (await answer.json()) as { jobs: { state: string; input: { key: string }; route: string }[] };
      return page.jobs.length === 5 && page.jobs.every(({ state }) => !["admitted", "started"].includes(state)) && page;
    });
    const states = Object.fromEntries(jobs.map(({ input, state }) => [input.key, state]));
    assert.equal(states["notes.txt"], "skipped");
    assert.ok(["dead", "skipped"].includes(states["empty.jpg"]!), states["empty.jpg"]);
    assert.equal(await buckets.head("empty.jpg"), undefined);
    assert.equal(await buckets.head("notes.txt"), undefined);
    await veil.stop();
    assert.ok(!veil.log().includes(ceph.secretKey), "a secret was logged");
  });

  test("an overwritten original is masked anew, and a deleted one takes its result along", async () => {
    await using buckets = await openWards("    removed: remove\n    mostRemoved: 1");
    await buckets.put("a.jpg", portrait);
    await buckets.put("b.jpg", portrait);
    await using veil = await startProgram({ dataDir: buckets.dataDir });
    const first = await until("a.jpg", () => buckets.head("a.jpg"));
    await until("b.jpg", () => buckets.head("b.jpg"));
    await buckets.put("a.jpg", await sharp(portrait).resize(200).jpeg().toBuffer());
    await until("the newer one", async () => {
      const now = await buckets.head("a.jpg");
      return now?.ETag !== first.ETag && (await sharp(await buckets.read("a.jpg")).metadata()).width === 200;
    });
    await client.send(new DeleteObjectCommand({ Bucket: buckets.raw, Key: "b.jpg" }));
    await until("b.jpg is gone", async () => (await buckets.head("b.jpg")) === undefined);
    assert.ok(await buckets.head("a.jpg"));
    await veil.stop();
  });

  test("while the server is away nothing is lost, and the route says so", async () => {
    await using buckets = await openWards();
    await using veil = await startProgram({ dataDir: buckets.dataDir });
    await buckets.put("before.jpg", portrait);
    await until("before.jpg", () => buckets.head("before.jpg"));
    await ceph.killGateway();
    const problemOf = async () => {
      const answer = await fetch(`${veil.address}/api/v1/status`);
      const { routes } = (await answer.json()) as { routes: { name: string; problem: { detail: string } | null }[] };
      return routes.find(({ name }) => name === "wards")?.problem;
    };
    const problem = await until("the route is broken", async () => (await problemOf()) ?? undefined, 90_000);
    assert.match(problem.detail, /wards-input|wards-output/);
    await ceph.startGateway();
    await buckets.put("after.jpg", portrait);
    await until("after.jpg", () => buckets.head("after.jpg"), 90_000);
    await until("the route is well", async () => (await problemOf()) === null);
    await veil.stop();
  });
});

test("the rights that docs/storage/s3.md lists are enough", { skip }, async () => {
  await using buckets = await openWards("    removed: remove\n    mostRemoved: 1");
  const page = await readFile(new URL("../../docs/storage/s3.md", import.meta.url), "utf8");
  const keys = ["--access-key=limitedkey", "--secret=limitedsecret"];
  await ceph.exec("user", "create", "--uid=limited", "--display-name=limited", ...keys);
  const policies = Array.from(page.matchAll(/```json\n([\s\S]*?)```/g), ([, json]) => json!);
  assert.equal(policies.length, 2);
  for (const json of policies) {
    const Bucket = json.includes("raw-images") ? buckets.raw : buckets.masked;
    const policy = JSON.parse(json.replaceAll(/raw-images|anonymized-images/g, Bucket));
    // A policy of a bucket says whose rights they are.
    for (const statement of policy.Statement) statement.Principal = { AWS: ["arn:aws:iam:::user/limited"] };
    await client.send(new PutBucketPolicyCommand({ Bucket, Policy: JSON.stringify(policy) }));
  }
  const file = join(buckets.dataDir, "veil.yaml");
  const yaml = (await readFile(file, "utf8")).replaceAll(
    "accessKey: testkey, secretKey: testsecret",
    "accessKey: limitedkey, secretKey: limitedsecret",
  );
  await writeFile(file, yaml);
  await buckets.put("a.jpg", portrait);
  await buckets.put("b.jpg", portrait);
  const checked = await veilCommand(buckets.dataDir, "doctor");
  assert.match(checked.out, /✓ Stores +store:raw, store:masked/);
  // What it writes is its own: the bucket's owner has no right to read it.
  const limited = s3Of({ endpoint: ceph.endpoint, accessKey: "limitedkey", secretKey: "limitedsecret" });
  await using veil = await startProgram({ dataDir: buckets.dataDir, flags: ["--set", "cache.driver=none"] });
  await until("a.jpg", () => buckets.head("a.jpg", limited));
  await until("b.jpg", () => buckets.head("b.jpg", limited));
  await client.send(new DeleteObjectCommand({ Bucket: buckets.raw, Key: "b.jpg" }));
  await until("b.jpg is gone", async () => (await buckets.head("b.jpg", limited)) === undefined);
  await buckets.put("a.jpg", await sharp(portrait).resize(180).jpeg().toBuffer());
  await until(
    "the newer a.jpg",
    async () => (await sharp(await buckets.read("a.jpg", limited)).metadata()).width === 180,
  );
  await veil.stop();
  limited.destroy();
});
