import assert from "node:assert/strict";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import type { JobsResponse } from "../../src/http/schema.ts";
import { startProgram, temporaryDataDir, until } from "./program.ts";

const count = 40;

test("stopped in the middle of its work it ends cleanly, and the next start does the rest", async () => {
  const dataDir = await temporaryDataDir();
  try {
    const photo = await sharp(new URL("../fixtures/astronaut.png", import.meta.url).pathname)
      .jpeg()
      .toBuffer();
    // They are all the same picture, and each is to be worked on.
    const flags = ["--set", "cache.driver=none"];
    const first = await startProgram({ dataDir, flags });
    for (let i = 0; i < count; i++) await writeFile(join(dataDir, "input_photos", `${i}.jpg`), photo);
    const counts = async (address: string) =>
      ((await (await fetch(`${address}/api/v1/jobs?limit=1`)).json()) as JobsResponse).counts;
    await until("some are done", async () => ((await counts(first.address)).done ?? 0) >= 5);
    assert.equal(await first.stop(), 0, first.log());
    assert.deepEqual(await readdir(join(dataDir, "spool")), []);

    await using second = await startProgram({ dataDir, flags });
    const { done = 0 } = await counts(second.address);
    assert.ok(done < count, "it stopped too late to show anything");
    await until("all are done", async () => (await counts(second.address)).done === count);
    const { jobs } = (await (await fetch(`${second.address}/api/v1/jobs?limit=500`)).json()) as JobsResponse;
    assert.ok(
      jobs.every(({ attempts }) => attempts === 1),
      "a clean stop costs no attempt",
    );
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
