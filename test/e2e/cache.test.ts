import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import { Redis } from "ioredis";
import type { AnonymizedItem, JobsResponse } from "../../src/http/schema.ts";
import type { EventDetail, RequestNote } from "../../src/ledger/ledger.ts";
import { detailCorrelation, pixelsOf } from "../fixtures/pixels.ts";
import { startRedis, withoutRedis } from "../fixtures/redis-server.ts";
import { form, portraitJpeg } from "../http/client.ts";
import { type Program, startProgram, temporaryDataDir, until } from "./program.ts";

const face = { x: 175, y: 52, width: 97, height: 127 };
const marker = Buffer.from("a comment that only the original holds");
let dataDir = "";
let original: Buffer;

before(async () => {
  dataDir = await temporaryDataDir();
  const jpeg = await portraitJpeg();
  const length = Buffer.from([(marker.length + 2) >> 8, (marker.length + 2) & 255]);
  original = Buffer.concat([jpeg.subarray(0, 2), Buffer.from([0xff, 0xfe]), length, marker, jpeg.subarray(2)]);
});
after(() => rm(dataDir, { recursive: true, force: true }));

async function metric(veil: Program, name: string): Promise<number> {
  const lines = (await (await fetch(`${veil.address}/metrics`)).text()).split("\n");
  return Number(lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1) ?? 0);
}

const lookups = (veil: Program, outcome: string) => metric(veil, `veil_cache_lookups_total{outcome="${outcome}"}`);

async function drop(veil: Program, keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    const path = join(veil.dataDir, "input_photos", key);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, original);
  }
  await until(`${keys} are done`, async () => {
    const { jobs } = (await (await fetch(`${veil.address}/api/v1/jobs`)).json()) as JobsResponse;
    return keys.every((key) => jobs.some((job) => job.input.key === key && job.state === "done"));
  });
}

/** Details of the jobs that are done, and notes of requests: oldest first. */
function ledgerOf(veil: Program): { done: EventDetail[]; notes: RequestNote[] } {
  using database = new DatabaseSync(`${veil.dataDir}/veil.sqlite`, { readOnly: true });
  const rows = (sql: string) =>
    database
      .prepare(sql)
      .all()
      .map(({ json }) => JSON.parse(String(json)));
  return {
    done: rows("select detail as json from events where kind = 'done' order by seq") as EventDetail[],
    notes: rows("select note as json from notes order by seq") as RequestNote[],
  };
}

async function mask(veil: Program, query = "", fields: Record<string, string> = {}): Promise<Buffer> {
  const body = form("image", [original], fields);
  const answer = await fetch(`${veil.address}/api/v1/anonymize${query}`, { method: "POST", body });
  assert.equal(answer.status, 200, await answer.clone().text());
  return Buffer.from(await answer.arrayBuffer());
}

async function assertMasked(file: Buffer): Promise<void> {
  const [before, now] = [await pixelsOf(original), await pixelsOf(file)];
  assert.ok(Math.abs(detailCorrelation(before, now, face)) < 0.1, "detail of the face survived");
}

describe("the cache on disk", () => {
  test("the same file under two names is masked once; what lies there is masked, and outlives a restart", async () => {
    {
      await using veil = await startProgram({ dataDir });
      await drop(veil, ["a.jpg", "holiday/b.jpg"]);
      const { done } = ledgerOf(veil);
      // Which of the two is noted first is chance: both end at the same time.
      assert.deepEqual(done.map(({ cached }) => cached ?? false).toSorted(), [false, true]);
      assert.equal(done[0]!.output!.sha256, done[1]!.output!.sha256);
      assert.equal(done[0]!.regions, done[1]!.regions);
      assert.deepEqual([await lookups(veil, "miss"), await lookups(veil, "hit")], [1, 1]);
      assert.equal(await metric(veil, 'veil_cache_writes_total{outcome="kept"}'), 1);
      const [one, two] = await Promise.all(
        ["a.jpg", "holiday/b.jpg"].map((key) => readFile(join(dataDir, "output_anonymous", key))),
      );
      assert.ok(one!.equals(two!));
      await assertMasked(two!);

      const folder = join(dataDir, "cache");
      assert.equal((await stat(folder)).mode & 0o777, 0o700);
      const [name, ...more] = await readdir(folder);
      assert.deepEqual(more, []);
      const kept = await readFile(join(folder, name!));
      assert.equal(await metric(veil, "veil_cache_size_bytes"), kept.length);
      assert.ok(original.includes(marker) && !kept.includes(marker));
      for (let at = 1000; at + 32 < original.length; at += 997)
        assert.ok(!kept.includes(original.subarray(at, at + 32)), `bytes of the original from ${at}`);
      assert.ok(kept.subarray(-one!.length).equals(one!), "the masked file is what is kept");
      const label = kept.subarray(0, -one!.length).toString("latin1");
      assert.doesNotMatch(label, /a\.jpg|holiday|veil-e2e/);
    }
    await using veil = await startProgram({ dataDir });
    await assertMasked(await mask(veil));
    assert.deepEqual([await lookups(veil, "miss"), await lookups(veil, "hit")], [0, 1]);
  });

  test("a changed policy masks again; regions of a person and previews neither ask it nor enter it", async () => {
    await using veil = await startProgram({ dataDir, flags: ["--set", "policy.style=solid"] });
    await drop(veil, ["c.jpg"]);
    assert.equal(ledgerOf(veil).done.at(-1)!.cached, undefined);
    assert.deepEqual([await lookups(veil, "miss"), await lookups(veil, "hit")], [1, 0]);

    const size = await metric(veil, "veil_cache_size_bytes");
    const drawn = await mask(veil, "", { regions: "[]" });
    const [before, now] = [await pixelsOf(original), await pixelsOf(drawn)];
    assert.ok(detailCorrelation(before, now, face) > 0.9, "the person asked for no mask");
    await mask(veil, "?detail=1&preview=1");
    assert.deepEqual([await lookups(veil, "miss"), await lookups(veil, "hit")], [1, 0]);
    assert.equal(await metric(veil, "veil_cache_size_bytes"), size);

    // Jobs and requests share it, and the answer says as much as a fresh one.
    const fresh = JSON.parse(String(await mask(veil, "?detail=1&style=pixelate"))) as AnonymizedItem;
    const found = JSON.parse(String(await mask(veil, "?detail=1&style=pixelate"))) as AnonymizedItem;
    assert.deepEqual(found, fresh);
    await assertMasked(await mask(veil));
    const notes = ledgerOf(veil).notes.slice(-3);
    assert.deepEqual(
      notes.map(({ cached }) => cached ?? false),
      [false, true, true],
    );
    assert.deepEqual([notes[1]!.regions, notes[1]!.output], [notes[0]!.regions, notes[0]!.output]);
    assert.ok(notes.every(({ detector }) => detector?.name === "mediapipe-full-range"));

    const body = form("images", [original, original]);
    const answer = await fetch(`${veil.address}/api/v1/anonymize/batch`, { method: "POST", body });
    for (const item of (await answer.json()) as string[]) await assertMasked(Buffer.from(item, "base64"));
    assert.deepEqual(
      ledgerOf(veil)
        .notes.slice(-2)
        .map(({ cached }) => cached),
      [true, true],
    );
  });

  test("turned off, nothing is kept, and what was kept goes", async () => {
    await using veil = await startProgram({ dataDir, flags: ["--set", "cache.driver=none"] });
    const [one, two] = [await mask(veil), await mask(veil)];
    assert.ok(one.equals(two));
    assert.ok(!(await readdir(dataDir)).includes("cache"));
    assert.deepEqual(
      ledgerOf(veil)
        .notes.slice(-2)
        .map(({ cached }) => cached),
      [undefined, undefined],
    );
    assert.equal(await lookups(veil, "miss"), 0);
  });
});

describe("the cache in Redis", { skip: withoutRedis }, () => {
  test("serves what veil put there, masks again what others put there, and is not missed when it dies", async () => {
    await using server = await startRedis([["requirepass", "p4ss-word"]]);
    const url = `redis://:p4ss-word@127.0.0.1:${server.port}`;
    const flags = ["--set", "cache.driver=redis", "--set", `cache.redis.url=${url}`];
    await using veil = await startProgram({ flags });
    const other = new Redis(url, { retryStrategy: () => null });
    other.on("error", () => {});
    try {
      const first = await mask(veil);
      assert.ok((await mask(veil)).equals(first));
      assert.equal(await lookups(veil, "hit"), 1);
      assert.ok(!(await readdir(veil.dataDir)).includes("cache"), "nothing of it is on disk");

      // Somebody who can write to it puts the original there, as well as anybody can who lacks the key.
      const { createHash } = await import("node:crypto");
      const [name] = await other.keys("anonymized:*");
      const kept = (await other.getBuffer(name!))!.subarray(32);
      const forged = Buffer.concat([kept.subarray(0, -first.length), original]);
      const digest = createHash("sha256").update(forged).digest();
      await other.set(name!, Buffer.concat([digest, forged]));
      await assertMasked(await mask(veil));
      assert.equal(await lookups(veil, "refused"), 1);

      await server.kill();
      for (let i = 0; i < 3; i++) await assertMasked(await mask(veil));
      await drop(veil, ["d.jpg"]);
      assert.match(veil.log(), /store-unavailable/);
      assert.equal(veil.log().match(/The cache at redis:/g)?.length, 1, veil.log());
      await server.start();
      await until("it is used again", async () => {
        await mask(veil);
        return (await lookups(veil, "hit")) >= 2;
      });
      assert.match(veil.log(), /the cache of results works again/);
      assert.doesNotMatch(veil.log(), /p4ss-word/);
    } finally {
      other.disconnect();
    }
  });
});
