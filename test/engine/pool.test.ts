import assert from "node:assert/strict";
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import sharp from "sharp";
import { defaultPolicy } from "../../src/core/policy.ts";
import { createPool, type PoolOptions } from "../../src/engine/pool.ts";
import { Problem } from "../../src/errors.ts";
import { filesIn } from "../fixtures/files-in.ts";
import { bundled } from "./detectors.ts";
import { enginesOf, isRunning } from "./processes.ts";

const portrait = new URL("../fixtures/astronaut.png", import.meta.url).pathname;
let spool = "";

before(async () => {
  spool = await mkdtemp(join(tmpdir(), "veil-pool-"));
});
after(() => rm(spool, { recursive: true }));

function options(more: Partial<PoolOptions> = {}): PoolOptions {
  const limits = { maxBytes: 2 ** 29, maxPixels: 120e6, maxFrames: 500 };
  return { processes: 1, deadlineMs: 60_000, memoryMb: 1536, spool, limits, detector: bundled, ...more };
}

/** Of the portrait's regions only her face is certain. */
const policy = { ...defaultPolicy, minScore: 0.8 };
const childrenOfThisProcess = () => enginesOf(process.pid);
const withCode = (code: string) => (error: unknown) => error instanceof Problem && error.code === code;

describe("the engine pool", () => {
  test("opens, detects and renders in another process, and leaves no file behind", async () => {
    await using pool = disposable(createPool(options()));
    const picture = await pool.open(portrait);
    assert.deepEqual([picture.format, picture.width, picture.height, picture.frames], ["png", 512, 512, 1]);
    const regions = await picture.detect(policy);
    assert.equal(regions.length, 1);
    const masked = await picture.render(regions, defaultPolicy);
    assert.equal(masked.contentType, "image/png");
    assert.equal((await readFile(masked.path)).length, masked.size);
    await picture.close();
    assert.deepEqual(await filesIn(spool), []);
    await pool.close();
    assert.deepEqual(await readdir(spool), []);
  });

  test("a process that dies costs one picture, and the next one gets a fresh process", async () => {
    await using pool = disposable(createPool(options()));
    const picture = await pool.open(portrait);
    const [pid] = childrenOfThisProcess();
    const detecting = picture.detect({ ...defaultPolicy, profile: "thorough" });
    process.kill(pid!, "SIGKILL");
    await assert.rejects(detecting, withCode("crashed"));
    await picture.close();
    assert.equal(pool.stats().replaced, 1);
    await using second = await pool.open(portrait);
    assert.equal((await second.detect(policy)).length, 1);
    assert.notEqual(childrenOfThisProcess()[0], pid);
  });

  test("a process that dies between two pictures costs none", async () => {
    await using pool = disposable(createPool(options()));
    await pool.detector();
    process.kill(childrenOfThisProcess()[0]!, "SIGKILL");
    await setTimeout(300);
    await using picture = await pool.open(portrait);
    assert.equal(picture.width, 512);
    assert.equal(pool.stats().replaced, 1);
  });

  test("one that writes more than pictures take is stopped, also between two of them", async () => {
    const limits = { maxBytes: 2 ** 20, maxPixels: 1e6, maxFrames: 1 };
    await using pool = disposable(createPool(options({ limits })));
    await (await pool.open(portrait)).close();
    const [pid] = childrenOfThisProcess();
    const [engine = ""] = await readdir(spool);
    const put = (name: string, bytes: number) => writeFile(join(spool, engine, "out", name), Buffer.alloc(bytes, 1));
    await put("no-more-than-that", 60 * 2 ** 20);
    await setTimeout(1_500);
    assert.deepEqual(childrenOfThisProcess(), [pid]);
    await put("more", 60 * 2 ** 20);
    for (let i = 0; i < 100 && isRunning(pid!); i++) await setTimeout(100);
    assert.equal(isRunning(pid!), false);
    await using picture = await pool.open(portrait);
    assert.equal(picture.width, 512);
    assert.equal((await readdir(spool)).includes(engine), false);
  });

  test("what keeps a process from starting is told to everybody in line, and nobody waits for ever", async () => {
    const faults = {
      "model-missing": { detector: { detectors: ["yunet"] as const, models: spool } },
      timeout: { setupDeadlineMs: 1 },
    };
    for (const [code, more] of Object.entries(faults)) {
      await using pool = disposable(createPool(options(more)));
      const callers = [pool.open(portrait), pool.open(portrait, { lane: "interactive" }), pool.detector()];
      await Promise.all(callers.map((caller) => assert.rejects(caller, withCode(code))));
      assert.deepEqual([pool.stats().live, pool.stats().busy, pool.stats().waiting], [0, 0, 0]);
      assert.deepEqual(childrenOfThisProcess(), []);
    }
  });

  test("closed while its processes start, it leaves none behind and turns everybody away", async () => {
    for (const afterMs of [0, 20, 100]) {
      const pool = createPool(options({ processes: 2 }));
      const callers = [1, 2, 3].map(() => pool.open(portrait));
      const turnedAway = Promise.all(callers.map((caller) => assert.rejects(caller, withCode("shutting-down"))));
      if (afterMs > 0) await setTimeout(afterMs);
      await pool.close();
      await turnedAway;
      assert.deepEqual(childrenOfThisProcess(), []);
      await assert.rejects(pool.open(portrait), withCode("shutting-down"));
    }
    assert.deepEqual(await readdir(spool), []);
  });

  test("a step past its deadline is a timeout, and its process is gone", async () => {
    await using pool = disposable(createPool(options({ deadlineMs: 700 })));
    await pool.detector();
    // A picture that takes long to decode, detect and encode.
    const slow = join(spool, "slow.png");
    await writeFile(slow, await noisyPicture(3500));
    const work = async () => {
      await using picture = await pool.open(slow);
      const regions = await picture.detect({ ...defaultPolicy, profile: "thorough" });
      await picture.render(regions, defaultPolicy);
    };
    await assert.rejects(work, withCode("timeout"));
    assert.deepEqual(childrenOfThisProcess(), []);
    await rm(slow);
  });

  test("a process above its memory limit is stopped", async () => {
    await using pool = disposable(createPool(options({ memoryMb: 300 })));
    const large = join(spool, "large.png");
    await writeFile(large, await noisyPicture(5000));
    const work = async () => {
      await using picture = await pool.open(large);
      await picture.detect(policy);
    };
    await assert.rejects(work, withCode("out-of-memory"));
    assert.deepEqual(childrenOfThisProcess(), []);
    await rm(large);
  });

  test("52 megapixels with a profile and an alpha channel need no second copy", async () => {
    await using pool = disposable(createPool(options({ memoryMb: 600 })));
    const large = join(spool, "large.png");
    const flat = sharp({ create: { width: 8000, height: 6500, channels: 4, background: "#987" } });
    await writeFile(large, await flat.withIccProfile("p3").png().toBuffer());
    const picture = await pool.open(large);
    await picture.detect({ ...defaultPolicy, profile: "fast" });
    const region = { kind: "face", box: { x: 3000, y: 3000, width: 500, height: 600 }, score: 1 } as const;
    assert.equal((await picture.render([region], defaultPolicy)).width, 8000);
    await picture.close();
    await rm(large);
  });

  test("an interactive caller goes before bulk ones that wait longer", async () => {
    await using pool = disposable(createPool(options()));
    const first = await pool.open(portrait);
    const order: string[] = [];
    const caller = async (lane: "bulk" | "interactive") => {
      await using _ = await pool.open(portrait, { lane });
      order.push(lane);
    };
    const callers = [caller("bulk"), caller("bulk"), caller("interactive")];
    await first.close();
    await Promise.all(callers);
    assert.deepEqual(order, ["interactive", "bulk", "bulk"]);
  });

  test("who gives up waiting leaves the line, and nobody else is harmed", async () => {
    await using pool = disposable(createPool(options()));
    const first = await pool.open(portrait);
    const giveUp = new AbortController();
    const waiting = pool.open(portrait, { signal: giveUp.signal });
    const other = pool.open(portrait);
    giveUp.abort();
    await assert.rejects(waiting, withCode("shutting-down"));
    await first.close();
    await (await other).close();
    assert.deepEqual(pool.stats(), { live: 1, busy: 0, waiting: 0, replaced: 0 });
  });

  test("the same picture and policy give the same bytes, whichever process renders", async () => {
    const copies = [join(spool, "a.png"), join(spool, "b.png")];
    for (const copy of copies) await copyFile(portrait, copy);
    await using pool = disposable(createPool(options({ processes: 2 })));
    const digests = await Promise.all(
      copies.map(async (copy) => {
        await using picture = await pool.open(copy);
        return (await picture.render(await picture.detect(policy), defaultPolicy)).sha256;
      }),
    );
    assert.equal(pool.stats().live, 2);
    assert.equal(digests[0], digests[1]);
    for (const copy of copies) await rm(copy);
  });
});

function disposable<T extends { close(): Promise<void> }>(value: T): T & AsyncDisposable {
  return Object.assign(value, { [Symbol.asyncDispose]: () => value.close() });
}

async function noisyPicture(side: number): Promise<Buffer> {
  const noise = { type: "gaussian" as const, mean: 128, sigma: 40 };
  return sharp({ create: { width: side, height: side, channels: 3, background: "#888", noise } })
    .png({ compressionLevel: 1 })
    .toBuffer();
}
