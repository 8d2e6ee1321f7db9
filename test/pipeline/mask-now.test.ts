import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import sharp from "sharp";
import type { Medium } from "../../src/core/media.ts";
import { defaultPolicy } from "../../src/core/policy.ts";
import { createPool, type Pool } from "../../src/engine/pool.ts";
import { Problem } from "../../src/errors.ts";
import { maskNow } from "../../src/pipeline/mask-now.ts";
import { bundled } from "../engine/detectors.ts";
import { enginesOf } from "../engine/processes.ts";
import { filesIn } from "../fixtures/files-in.ts";
import { detailCorrelation, pixelsOf } from "../fixtures/pixels.ts";

/** Of the portrait's regions only her face is certain. */
const policy = { ...defaultPolicy, minScore: 0.8 };

const portrait = new URL("../fixtures/astronaut.png", import.meta.url).pathname;
const face = { x: 175, y: 52, width: 97, height: 127 };
let spool = "";
let scan = "";
let pool: Pool;

before(async () => {
  spool = await mkdtemp(join(tmpdir(), "veil-now-"));
  scan = join(tmpdir(), `veil-now-${process.pid}.tiff`);
  await writeFile(scan, await sharp(portrait).withIccProfile("p3").tiff({ compression: "lzw" }).toBuffer());
  const limits = { maxBytes: 2 ** 29, maxPixels: 120e6, maxFrames: 500 };
  // One process: whoever held a picture while opening another would wait for ever.
  pool = createPool({ processes: 1, deadlineMs: 60_000, memoryMb: 1536, spool, limits, detector: bundled });
});
after(async () => {
  await pool.close();
  await rm(spool, { recursive: true });
  await rm(scan);
});

describe("a picture that is masked at once", () => {
  test("comes with previews of before and after where they are asked for, and none of them is kept on disk", async () => {
    const options = { policy, lane: "interactive" as const };
    {
      await using plain = await maskNow(pool, scan, options);
      assert.equal(plain.previews, undefined);
    }
    await using result = await maskNow(pool, scan, { ...options, previews: true });
    assert.equal((await filesIn(spool)).length, 1, "the masked picture alone is in the spool");
    const { before, after } = result.previews!;
    for (const jpeg of [before, after]) {
      const { format, width, exif, hasProfile } = await sharp(jpeg).metadata();
      assert.deepEqual([format, width, exif, hasProfile], ["jpeg", 512, undefined, true]);
    }
    const original = await pixelsOf(portrait);
    assert.ok(detailCorrelation(original, await pixelsOf(Buffer.from(before)), face) > 0.9);
    assert.ok(Math.abs(detailCorrelation(original, await pixelsOf(Buffer.from(after)), face)) < 0.1);
    await result[Symbol.asyncDispose]();
    assert.deepEqual(await filesIn(spool), []);
  });

  test("leaves nothing in the spool when its process dies between render and close", async () => {
    const dying: Medium = {
      async open(...call) {
        const picture = await pool.open(...call);
        return {
          ...picture,
          async render(...rendering) {
            const masked = await picture.render(...rendering);
            for (const pid of enginesOf(process.pid)) process.kill(pid, "SIGKILL");
            return masked;
          },
        };
      },
    };
    const masking = maskNow(dying, scan, { policy, lane: "interactive" });
    await assert.rejects(masking, (error) => error instanceof Problem && error.code === "crashed");
    assert.deepEqual(await filesIn(spool), []);
    await using next = await maskNow(pool, scan, { policy, lane: "interactive" });
    assert.equal(next.regions.length, 1);
  });
});
