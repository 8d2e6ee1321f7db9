import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadConfig } from "../../src/config.ts";
import type { Anonymized, Medium } from "../../src/core/media.ts";
import { createSerial } from "../../src/core/serial.ts";
import { openDataFolder } from "../../src/data-folder.ts";
import { createTombstones } from "../../src/ledger/tombstone.ts";
import { createAdmit } from "../../src/pipeline/admit.ts";
import { createMarks } from "../../src/pipeline/marks.ts";
import { noResultCache } from "../../src/pipeline/result-cache.ts";
import type { Route } from "../../src/pipeline/route.ts";
import { openSpool } from "../../src/pipeline/spool.ts";
import { runWorker } from "../../src/pipeline/worker.ts";
import type { Queue } from "../../src/queues/queue.ts";

export interface OverheadOptions {
  /** An empty one, on the disk that is to be measured. */
  readonly folder: string;
  readonly jobs: number;
  /** Jobs in work at once. */
  readonly concurrency: number;
  /** Settings of the queue. */
  readonly settings: readonly string[];
}

const bytes = Buffer.concat([
  Buffer.from([0xff, 0xd8, 0xff, 0xe0]),
  Buffer.alloc(200_000, 1),
  Buffer.from([0xff, 0xd9]),
]);

/**
 * Milliseconds of a job from its admission to its acknowledgement, everything but the work on its pixels: ledger, queue,
 * reading 200 kB, and writing as much so that it outlasts a power cut. `one`: each on its own; `many`: all at once, a job's
 * share of the time.
 */
export async function measureOverhead({
  folder,
  jobs,
  concurrency,
  settings,
}: OverheadOptions): Promise<{ one: number; many: number }> {
  const dataDir = join(folder, "data");
  const config = loadConfig({ flags: { dataDir, set: [...settings] }, env: {}, cwd: folder });
  const onProblem = (problem: Error) => console.error(problem.message);
  const spool = await openSpool(join(folder, "spool"));
  await using data = await openDataFolder(config, onProblem, "service", spool.folder);
  const places = { from: join(folder, "in"), to: join(folder, "out") };
  for (const place of Object.values(places)) await mkdir(place);
  const { input } = data.openRoute("folder", places);
  const { ledger, installationKey, storeOf } = data;
  const route: Route = {
    ...{ name: "folder", input: "input", output: "output", policy: config.policy, lane: "bulk" },
    ...{ watched: true, removeInput: false },
  };
  const arrivals = await Promise.all(
    Array.from({ length: jobs + jobs / 10 }, async (_, index) => {
      const key = `${index}.jpg`;
      await writeFile(join(places.from, key), bytes);
      const { version } = (await input.head(key))!;
      return { key, version };
    }),
  );

  let left = 0;
  let over: (() => void) | undefined;
  const queue = countedBy(data.queue, () => {
    left -= 1;
    if (left === 0) over?.();
  });
  const admit = createAdmit({ ledger, queue, installationKey, modelDigests: ["bench"], onProblem });
  const detector = { name: "bench", digest: "bench" };
  const stop = new AbortController();
  const worker = runWorker(
    {
      ...{ ledger, queue, storeOf, spool, detector, concurrency, onProblem },
      ...{ medium: copying(spool.folder), results: noResultCache, puts: createSerial() },
      bury: createTombstones(installationKey),
      marks: createMarks(installationKey),
      ...{ limits: config.limits, maxRetries: 0, retryDelayMs: 1, now: Date.now, random: Math.random },
      ...{ routes: new Map([[route.name, route]]), pace: { ready: async () => {}, pausedRoutes: () => [] } },
      observe(_, { kind, message }) {
        if (kind === "dead") throw new Error(message);
      },
    },
    stop.signal,
  );
  const through = async (some: typeof arrivals) => {
    left = some.length;
    const ended = new Promise<void>((resolve) => {
      over = resolve;
    });
    const start = performance.now();
    await admit(route, some);
    await Promise.race([ended, worker]);
    return performance.now() - start;
  };
  await through(arrivals.splice(0, jobs / 20));
  const single = arrivals.splice(0, jobs / 20);
  let alone = 0;
  for (const arrival of single) alone += await through([arrival]);
  const one = alone / single.length;
  const many = (await through(arrivals)) / arrivals.length;
  stop.abort();
  await worker;
  await spool.close();
  return { one, many };
}

/** The same queue, that tells of each acknowledgement. */
function countedBy(queue: Queue, onOver: () => void): Queue {
  return {
    ...queue,
    async *consume(options) {
      for await (const delivery of queue.consume(options)) {
        const { job, signal } = delivery;
        yield {
          ...{ job, signal },
          retry: (delayMs) => delivery.retry(delayMs),
          deadLetter: () => delivery.deadLetter(),
          async ack() {
            await delivery.ack();
            onOver();
          },
        };
      }
    },
  };
}

/** An engine that writes a picture of that size, whatever it is given, which lies sealed: nothing of it is the pipeline's. */
function copying(folder: string): Medium {
  return {
    async open() {
      const close = async () => {};
      return {
        ...{ format: "jpeg", width: 1, height: 1, frames: 1 },
        look: async () => ({ first: [], second: [] }),
        detect: async () => [],
        async render() {
          const copy = join(folder, randomUUID());
          await writeFile(copy, bytes);
          const said = { contentType: "image/jpeg", extension: "jpg", width: 1, height: 1 };
          return { ...said, path: copy, size: bytes.length, sha256: "0".repeat(64) } as unknown as Anonymized;
        },
        preview: async () => new Uint8Array(),
        close,
        [Symbol.asyncDispose]: close,
      };
    },
  };
}
