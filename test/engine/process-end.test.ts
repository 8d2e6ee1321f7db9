import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { createPool, type Pool, type PoolOptions } from "../../src/engine/pool.ts";
import { Problem } from "../../src/errors.ts";
import { bundled } from "./detectors.ts";
import { enginesOf, isRunning } from "./processes.ts";
import { here, processesWith } from "./sandboxed.ts";

const portrait = new URL("../fixtures/astronaut.png", import.meta.url).pathname;
const service = new URL("./busy-service.ts", import.meta.url).pathname;
const withCode = (code: string) => (error: unknown) => error instanceof Problem && error.code === code;
const path = process.env.PATH;
let folder = "";
let spool = "";
let heic = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "veil-end-"));
  // Decoders are installed in it, which another user starts where the service is root.
  await chmod(folder, 0o755);
  // To its header a HEIC file; no more of it is read before the decoder is called.
  heic = join(folder, "portrait.heic");
  const avif = await sharp(portrait).resize(64).avif({ effort: 0 }).toBuffer();
  await writeFile(heic, Buffer.from(avif.toString("latin1").replaceAll("avif", "heic"), "latin1"));
});
after(() => rm(folder, { recursive: true }));

beforeEach(async () => {
  spool = await mkdtemp(join(folder, "spool-"));
});
afterEach(() => {
  process.env.PATH = path;
});

/**
 * Puts a `heif-convert` first in the PATH that writes the whole picture and then goes on as `more`, in which
 * `seconds` stands for a number of its own; answers a wait for its process.
 */
async function installDecoder(more: (seconds: string) => string): Promise<() => Promise<number>> {
  const bin = await mkdtemp(join(folder, "bin-"));
  await chmod(bin, 0o755);
  const program = join(bin, "heif-convert");
  const seconds = `6${randomInt(1e9)}`;
  await writeFile(program, `#!/bin/sh\ncat "$1" >"$2"\nexec ${more(seconds)}\n`);
  await chmod(program, 0o755);
  process.env.PATH = `${bin}${delimiter}${path}`;
  return async () => {
    let pid: number | undefined;
    const runs = () => {
      [pid] = processesWith(seconds);
      return pid !== undefined;
    };
    await until(runs, 20_000, "the decoder was not called");
    return pid!;
  };
}

async function until(holds: () => boolean, withinMs: number, otherwise: string): Promise<void> {
  const end = performance.now() + withinMs;
  while (!holds()) {
    assert.ok(performance.now() < end, otherwise);
    await sleep(20);
  }
}

async function withPool(options: Partial<PoolOptions>, use: (pool: Pool) => Promise<void>) {
  const limits = { maxBytes: 2 ** 29, maxPixels: 120e6, maxFrames: 500 };
  const pool = createPool({
    processes: 1,
    deadlineMs: 30_000,
    memoryMb: 1536,
    spool,
    limits,
    detector: bundled,
    ...options,
  });
  try {
    await use(pool);
  } finally {
    await pool.close();
  }
}

const sleeping = (seconds: string) => `sleep ${seconds}`;

for (const isolation of here) {
  describe(`a decoder of its own process, under ${isolation}`, () => {
    test("ends with the caller's patience, and what it had decoded is gone", async () => {
      const decoder = await installDecoder(sleeping);
      await withPool({ isolation }, async (pool) => {
        const hangUp = new AbortController();
        const opening = pool.open(heic, { signal: hangUp.signal });
        const refused = assert.rejects(opening, withCode("shutting-down"));
        const pid = await decoder();
        const decoded = (await readdir(spool, { recursive: true })).filter((name) => name.endsWith(".png"));
        // Under bubblewrap it is in memory, which goes with the process.
        assert.equal(decoded.length, isolation === "bubblewrap" ? 0 : 1, "the test looks at the wrong place");
        hangUp.abort();
        await refused;
        assert.deepEqual(await readdir(spool, { recursive: true }), []);
        await until(() => !isRunning(pid), 1000, "the decoder still runs");
      });
    });

    test("ends with an engine process that dies by itself", async () => {
      const decoder = await installDecoder(sleeping);
      await withPool({ isolation }, async (pool) => {
        const refused = assert.rejects(pool.open(heic), withCode("crashed"));
        const pid = await decoder();
        process.kill(enginesOf(process.pid)[0]!, "SIGKILL");
        await refused;
        assert.deepEqual(await readdir(spool, { recursive: true }), []);
        await until(() => !isRunning(pid), 1000, "the decoder still runs");
      });
    });

    test("counts towards the memory limit", async () => {
      const eat = "const kept = []; setInterval(() => kept.length < 20 && kept.push(Buffer.alloc(5e7, 1)), 20)";
      const decoder = await installDecoder((seconds) => `'${process.execPath}' -e '${eat}' ${seconds}`);
      await withPool({ isolation, memoryMb: 500, deadlineMs: 10_000 }, async (pool) => {
        const refused = assert.rejects(pool.open(heic), withCode("out-of-memory"));
        const pid = await decoder();
        await refused;
        assert.deepEqual(await readdir(spool, { recursive: true }), []);
        await until(() => !isRunning(pid), 1000, "the decoder still runs");
      });
    });
  });

  describe(`kill -9 of the service, under ${isolation}`, () => {
    async function killWhen(message: string, picture: string, decoder?: () => Promise<number>): Promise<void> {
      const args = [spool, picture, isolation];
      const child = fork(service, args, { execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
      for (let heard: unknown; heard !== message; ) [heard] = await once(child, "message");
      const [engine] = enginesOf(child.pid!);
      const others = decoder === undefined ? [] : [await decoder()];
      // Long enough to begin.
      await sleep(300);
      child.kill("SIGKILL");
      await once(child, "exit");
      try {
        for (const pid of [engine!, ...others]) await until(() => !isRunning(pid), 2000, `process ${pid} still runs`);
      } finally {
        for (const pid of [engine!, ...others]) if (isRunning(pid)) process.kill(pid, "SIGKILL");
      }
    }

    test("ends its engine process within two seconds, however busy that is", () => killWhen("busy", portrait));

    test("ends a decoder that an engine process waits for", async () => {
      await killWhen("opening", heic, await installDecoder(sleeping));
    });
  });
}
