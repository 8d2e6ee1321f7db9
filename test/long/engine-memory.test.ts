import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import sharp from "sharp";
import { defaultPolicy } from "../../src/core/policy.ts";
import { createPool } from "../../src/engine/pool.ts";
import { maskNow } from "../../src/pipeline/mask-now.ts";
import { bundled } from "../engine/detectors.ts";
import { enginesOf } from "../engine/processes.ts";

const spool = await mkdtemp(join(tmpdir(), "veil-memory-"));
after(() => rm(spool, { recursive: true, force: true }));
const limits = { maxBytes: 2 ** 28, maxPixels: 120e6, maxFrames: 500 };

async function residentMiB(pid: number): Promise<{ now: number; most: number }> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)![1]) / 1024;
  return { now: of("VmRSS"), most: of("VmHWM") };
}

/** The portrait as JPEGs of many sizes and shapes: what makes an allocator scatter. */
async function pictures(sizes: readonly (readonly [number, number])[]): Promise<readonly string[]> {
  const portrait = new URL("../fixtures/astronaut.png", import.meta.url).pathname;
  return Promise.all(
    sizes.map(async ([width, height], index) => {
      const path = join(spool, `${index}-${width}x${height}.jpg`);
      await writeFile(path, await sharp(portrait).resize(width, height, { fit: "fill" }).jpeg().toBuffer());
      return path;
    }),
  );
}

/** Masks `count` pictures in one engine process; answers its resident size at each of `marks`. */
async function maskMany(files: readonly string[], count: number, marks: readonly number[]) {
  const pool = createPool({ processes: 1, memoryMb: 4096, deadlineMs: 120_000, limits, spool, detector: bundled });
  const policy = { ...defaultPolicy, profile: "fast" as const };
  const sizes: { now: number; most: number }[] = [];
  try {
    for (let done = 1; done <= count; done++) {
      await using _ = await maskNow(pool, files[done % files.length]!, { policy, lane: "bulk" });
      if (marks.includes(done)) sizes.push(await residentMiB((await enginesOf(process.pid))[0]!));
    }
    assert.equal(pool.stats().replaced, 0);
  } finally {
    await pool.close();
  }
  return sizes;
}

test("an engine process holds no more after 10,000 pictures than after 1,000", async (t) => {
  const sides = Array.from({ length: 40 }, (_, i) => [200 + 17 * i, 150 + ((i * 37) % 500)] as const);
  const [early, late] = await maskMany(await pictures(sides), 10_000, [1000, 10_000]);
  t.diagnostic(`after 1,000 pictures ${early!.now.toFixed(0)} MiB, after 10,000 ${late!.now.toFixed(0)} MiB`);
  assert.ok(late!.now < early!.now * 1.15, `${early!.now} MiB, then ${late!.now} MiB`);
});

test("an engine process stays within 350 MiB at 12 megapixels", async (t) => {
  const [end] = await maskMany(await pictures([[4000, 3000]]), 40, [40]);
  t.diagnostic(`at most ${end!.most.toFixed(0)} MiB`);
  assert.ok(end!.most <= 350, `${end!.most} MiB`);
});
