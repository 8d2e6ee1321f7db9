import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { defaultPolicy, type Policy } from "../../src/core/policy.ts";
import { createSerial } from "../../src/core/serial.ts";
import { createPool, type Pool } from "../../src/engine/pool.ts";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { createSqliteSeals } from "../../src/ledger/sqlite-seals.ts";
import { createTombstones } from "../../src/ledger/tombstone.ts";
import { createAdmit } from "../../src/pipeline/admit.ts";
import { createMarks } from "../../src/pipeline/marks.ts";
import { createRedrive } from "../../src/pipeline/redrive.ts";
import { noResultCache, type ResultCache } from "../../src/pipeline/result-cache.ts";
import { createReview } from "../../src/pipeline/review.ts";
import type { Route } from "../../src/pipeline/route.ts";
import { openSpool, type Spool, streamOf } from "../../src/pipeline/spool.ts";
import { runWorker, type WorkerParts } from "../../src/pipeline/worker.ts";
import { createMemoryQueue } from "../../src/queues/memory.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { createMemoryStore } from "../../src/stores/memory.ts";
import type { Store } from "../../src/stores/store.ts";
import { until } from "../e2e/program.ts";
import { bundled } from "../engine/detectors.ts";

export const fast: Policy = { ...defaultPolicy, profile: "fast" };
/** With such a score the flat mask itself passes for a head, so the second look is sure to see one more. */
export const doubting: Policy = { ...fast, minScore: 0.1, verify: "hold" };

const limits = { maxBytes: 2 ** 26, maxPixels: 120e6, maxFrames: 500 };

/** The real engine and a spool, for all tests of a file. */
export interface Workshop extends AsyncDisposable {
  readonly pool: Pool;
  readonly spool: Spool;
  readonly portrait: Buffer;
}

export async function openWorkshop(): Promise<Workshop> {
  const root = await mkdtemp(join(tmpdir(), "veil-workshop-"));
  const spool = await openSpool(root);
  const engine = { processes: 2, deadlineMs: 60_000, memoryMb: 1536 };
  const pool = createPool({ ...engine, spool: spool.folder, limits, detector: bundled });
  const file = new URL("../fixtures/astronaut.png", import.meta.url).pathname;
  return {
    ...{ pool, spool, portrait: await sharp(file).resize(256).jpeg().toBuffer() },
    async [Symbol.asyncDispose]() {
      await pool.close();
      await rm(root, { recursive: true });
    },
  };
}

export interface WorkerOptions {
  readonly policy?: Policy;
  readonly results?: ResultCache;
  readonly route?: Partial<Route>;
  /** Stands in for verbs of the input. */
  readonly input?: Partial<Store>;
  /** Stands in for verbs of the output. */
  readonly output?: Partial<Store>;
  readonly stuck?: WorkerParts["stuck"];
  readonly onProblem?: WorkerParts["onProblem"];
  /** How many attempts a job has beyond its first. */
  readonly maxRetries?: number;
  readonly retryDelayMs?: number;
}

/** A worker at work between two stores, in memory if not told otherwise, with a ledger of its own. */
export async function startWorker({ pool, spool }: Workshop, options: WorkerOptions = {}) {
  const { policy = fast, results = noResultCache, maxRetries = 3, retryDelayMs = 5 } = options;
  const sqlite = await openSqlite(":memory:");
  const ledger = await createSqliteLedger({ sqlite, installationKey: "test" });
  const queue = createMemoryQueue({ pollMs: 10 });
  const photos = { ...createMemoryStore({ name: "photos" }), ...options.input };
  const masked = { ...createMemoryStore({ name: "masked" }), ...options.output };
  const route: Route = {
    ...{ name: "folder", input: "photos", output: "masked", policy, lane: "bulk" },
    ...{ watched: true, removeInput: false, ...options.route },
  };
  const detector = await pool.detector();
  const storeOf = (name: string) => (name === "photos" ? photos : masked);
  const keyed = { ledger, queue, installationKey: "key", puts: createSerial(), storeOf };
  const admit = createAdmit({ ...keyed, modelDigests: [detector.digest], onProblem: () => {} });
  const stopping = new AbortController();
  const working = runWorker(
    {
      ...{ ledger, queue, medium: pool, spool, limits, detector, concurrency: 2, maxRetries, retryDelayMs, results },
      pace: { ready: async () => {}, pausedRoutes: () => [] },
      routes: new Map([[route.name, route]]),
      storeOf,
      ...{ puts: keyed.puts, bury: createTombstones("test"), marks: createMarks("test") },
      ...(options.stuck && { stuck: options.stuck }),
      ...{ onProblem: options.onProblem ?? (() => {}), observe: () => {}, now: Date.now, random: () => 0.5 },
    },
    stopping.signal,
  );
  return {
    ...{ sqlite, ledger, queue, photos, masked, route, detector, keyed },
    seals: await createSqliteSeals(sqlite),
    redrive: createRedrive(keyed),
    review: createReview(keyed),
    /** Puts a photo in, and answers its job's id. */
    async take(key: string, photo: Buffer): Promise<string> {
      await photos.put(key, streamOf(photo), { contentType: "image/jpeg" });
      const [admission] = await admit(route, [(await photos.head(key))!]);
      return admission!.record.job.id;
    },
    /** Admits what lies there. */
    async admit(key: string, version: string): Promise<string> {
      const [admission] = await admit(route, [{ key, version }]);
      return admission!.record.job.id;
    },
    settled: (id: string, state: string) =>
      until(`job ${id} is ${state}`, async () => {
        const record = await ledger.get(id);
        return record?.state === state && record;
      }),
    async bytesOf(store: Store, key: string): Promise<Buffer> {
      const { stream } = await store.get(key);
      return Buffer.concat(await Array.fromAsync(stream));
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await working.catch(() => {});
      await queue.close();
      await sqlite.close();
    },
  };
}
