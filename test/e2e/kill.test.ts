import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import type { JobsResponse } from "../../src/http/schema.ts";
import { startProgram, temporaryDataDir, until } from "./program.ts";

const portrait = new URL("../fixtures/astronaut.png", import.meta.url).pathname;
const count = 200;
const flags = ["--set", "jobs.leaseMs=3000", "--set", "folder.reconcileMs=2000"];

/** 200 pictures that differ, so that mixed-up outputs would show. */
async function pictures(): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (let i = 0; i < count; i++) {
    const size = 160 + (i % 40);
    const file = await sharp(portrait).resize(size).modulate({ hue: i }).jpeg().toBuffer();
    files.set(`day ${i % 5}/photo-${i}.jpg`, file);
  }
  return files;
}

async function dropAll(dataDir: string, files: ReadonlyMap<string, Buffer>): Promise<void> {
  for (const [key, bytes] of files) {
    const path = join(dataDir, "input_photos", key);
    await mkdir(join(path, ".."), { recursive: true });
    await writeFile(path, bytes);
  }
}

async function doneCount(address: string): Promise<number> {
  const answer = await fetch(`${address}/api/v1/jobs?limit=1`);
  return ((await answer.json()) as JobsResponse).counts.done ?? 0;
}

/** Digests of what a reader sees: a killed put may leave a hidden temporary file, which is swept after a day. */
async function outputs(dataDir: string): Promise<Record<string, string>> {
  const root = join(dataDir, "output_anonymous");
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const digests: Record<string, string> = {};
  for (const entry of entries.filter((it) => it.isFile() && !/^\.veil-.*\.part$/.test(it.name))) {
    const path = join(entry.parentPath, entry.name);
    digests[path.slice(root.length + 1)] = createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
  }
  return digests;
}

test("killed in the middle of 200 photos and started again, it makes what an undisturbed run makes, once each", async () => {
  const files = await pictures();
  const [calm, killed] = [await temporaryDataDir(), await temporaryDataDir()];
  try {
    await dropAll(calm, files);
    {
      await using veil = await startProgram({ dataDir: calm, flags });
      await until("200 done", async () => (await doneCount(veil.address)) === count, 120_000);
    }

    // Started first, so that files arrive while others are in work.
    const first = await startProgram({ dataDir: killed, flags });
    await dropAll(killed, files);
    await until("some are done, most are not", async () => (await doneCount(first.address)) >= 20);
    await first.kill();
    const half = await outputs(killed);
    assert.ok(Object.keys(half).length < count, "the kill came too late to show anything");

    await using second = await startProgram({ dataDir: killed, flags });
    await until("200 done", async () => (await doneCount(second.address)) === count, 120_000);
    const expected = await outputs(calm);
    assert.equal(Object.keys(expected).length, count);
    const actual = await outputs(killed);
    assert.deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort());
    assert.deepEqual(
      Object.keys(expected).filter((key) => actual[key] !== expected[key]),
      [],
    );

    const { jobs } = (await (await fetch(`${second.address}/api/v1/jobs?limit=500`)).json()) as JobsResponse;
    assert.equal(jobs.length, count, "each photo has one job");
    assert.equal(new Set(jobs.map(({ input }) => input.key)).size, count);
  } finally {
    for (const folder of [calm, killed]) await rm(folder, { recursive: true, force: true });
  }
});
