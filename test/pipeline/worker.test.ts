import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import sharp from "sharp";
import { createMemoryCache } from "../../src/caches/memory.ts";
import { defaultPolicy } from "../../src/core/policy.ts";
import { createSerial } from "../../src/core/serial.ts";
import { createPool, type Pool } from "../../src/engine/pool.ts";
import { Problem } from "../../src/errors.ts";
import type { LedgerEvent } from "../../src/ledger/ledger.ts";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { createTombstones } from "../../src/ledger/tombstone.ts";
import { createAdmit } from "../../src/pipeline/admit.ts";
import { createMarks } from "../../src/pipeline/marks.ts";
import type { Pace } from "../../src/pipeline/pace.ts";
import { createRedrive } from "../../src/pipeline/redrive.ts";
import { createResultCache, noResultCache, type ResultCache } from "../../src/pipeline/result-cache.ts";
import type { Route } from "../../src/pipeline/route.ts";
import { openSpool, type Spool, streamOf } from "../../src/pipeline/spool.ts";
import { runWorker } from "../../src/pipeline/worker.ts";
import { createMemoryQueue } from "../../src/queues/memory.ts";
import type { Arrival } from "../../src/sources/source.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { createMemoryStore } from "../../src/stores/memory.ts";
import type { Store } from "../../src/stores/store.ts";
import { until } from "../e2e/program.ts";
import { bundled } from "../engine/detectors.ts";
import { filesIn } from "../fixtures/files-in.ts";

const route: Route = {
  name: "folder",
  input: "photos",
  output: "masked",
  policy: { ...defaultPolicy, profile: "fast" },
  lane: "bulk",
  watched: true,
  removeInput: false,
};
const unhurried: Pace = { ready: async () => {}, pausedRoutes: () => [] };
const limits = { maxBytes: 2 ** 26, maxPixels: 120e6, maxFrames: 500 };
const type = { contentType: "image/jpeg" };
let root = "";
let spool: Spool;
let pool: Pool;
let portrait: Buffer;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "veil-worker-"));
  spool = await openSpool(root);
  pool = createPool({
    processes: 2,
    deadlineMs: 60_000,
    memoryMb: 1536,
    spool: spool.folder,
    limits,
    detector: bundled,
  });
  portrait = await sharp(new URL("../fixtures/astronaut.png", import.meta.url).pathname)
    .resize(256)
    .jpeg()
    .toBuffer();
});
after(async () => {
  await pool.close();
  await rm(root, { recursive: true });
});

/** A running worker over memory stores; `faults` may stand in for a store's verbs. */
async function setUp(
  faults: Partial<Record<"photos" | "masked", Partial<Store>>> = {},
  removeInput = false,
  policy = route.policy,
  results: ResultCache = noResultCache,
  rest: Partial<Route> = {},
) {
  const sqlite = await openSqlite(":memory:");
  const ledger = await createSqliteLedger({ sqlite, installationKey: "test" });
  const queue = createMemoryQueue({ pollMs: 10 });
  const photos = { ...createMemoryStore({ name: "photos" }), ...faults.photos };
  const masked = { ...createMemoryStore({ name: "masked" }), ...faults.masked };
  const detector = await pool.detector();
  const keyed = { ledger, queue, installationKey: "key" };
  const admit = createAdmit({ ...keyed, modelDigests: [detector.digest], onProblem: () => {} });
  const events: LedgerEvent[] = [];
  const problems: Problem[] = [];
  const stopping = new AbortController();
  const working = runWorker(
    {
      ...{ ledger, queue, medium: pool, spool, limits, detector, concurrency: 2, maxRetries: 3, retryDelayMs: 5 },
      pace: unhurried,
      routes: new Map([[route.name, { ...route, removeInput, ...rest }]]),
      storeOf: (name) => (name === "photos" ? photos : masked),
      ...{ puts: createSerial(), bury: createTombstones("test"), marks: createMarks("test") },
      results,
      onProblem: (problem) => problems.push(problem),
      now: Date.now,
      random: () => 0.5,
      observe: (_, event) => events.push(event),
    },
    stopping.signal,
  );
  return {
    ...{ ledger, queue, photos, masked, events, problems, working, redrive: createRedrive(keyed) },
    async admitObject(key: string) {
      return this.admitArrival((await photos.head(key))!);
    },
    async admitArrival(arrival: Arrival) {
      const [admission] = await admit(route, [arrival], { policy });
      return admission!.record.job;
    },
    async settled(id: string, state: string) {
      return until(`job ${id} is ${state}`, async () => {
        const record = await ledger.get(id);
        return record?.state === state && record;
      });
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await working.catch(() => {});
      await queue.close();
      await sqlite.close();
    },
  };
}

const kinds = (events: readonly LedgerEvent[]) => events.map(({ kind }) => kind);

describe("the worker", () => {
  test("masks an object and writes down what it did", async () => {
    await using parts = await setUp();
    await parts.photos.put("a.jpg", streamOf(portrait), type);
    const job = await parts.admitObject("a.jpg");
    const { last } = await parts.settled(job.id, "done");
    assert.equal(last.input?.size, portrait.length);
    assert.equal(last.output?.version, (await parts.masked.head("a.jpg"))?.version);
    assert.ok(last.regions !== undefined && last.regions >= 1);
    assert.equal(last.detector?.name, "mediapipe-full-range");
    assert.deepEqual(kinds(await parts.ledger.history(job.id)), ["admitted", "started", "done"]);
    await until("an empty queue", async () => (await parts.queue.depth!("bulk")) === 0);
    assert.deepEqual(await filesIn(spool.folder), []);
  });

  test("a store that fails for a while is tried again, and the result is written once", async () => {
    let failures = 2;
    const memory = createMemoryStore({ name: "masked" });
    const put: Store["put"] = async (key, body, options) => {
      if (failures-- > 0) throw new Problem("store-unavailable", "the share is away");
      return memory.put(key, body, options);
    };
    await using parts = await setUp({ masked: { ...memory, put } });
    await parts.photos.put("a.jpg", streamOf(portrait), type);
    const job = await parts.admitObject("a.jpg");
    const record = await parts.settled(job.id, "done");
    assert.equal(record.attempts, 3);
    const events = ["admitted", "started", "failed", "started", "failed", "started", "done"];
    assert.deepEqual(kinds(await parts.ledger.history(job.id)), events);
  });

  test("an original that can't be taken away for a while goes later, when the job is long done", async () => {
    let failures = 2;
    const memory = createMemoryStore({ name: "photos" });
    const remove: Store["remove"] = async (key) => {
      if (failures-- > 0) throw new Problem("store-unavailable", "the share is away");
      return memory.remove(key);
    };
    const originals = { originals: { become: "delete" } } as const;
    await using parts = await setUp({ photos: { ...memory, remove } }, false, route.policy, noResultCache, originals);
    await parts.photos.put("a.jpg", streamOf(portrait), type);
    const job = await parts.admitObject("a.jpg");
    const { attempts } = await parts.settled(job.id, "done");
    assert.ok(await parts.photos.head("a.jpg"));
    await until("the original is gone", async () => (await parts.photos.head("a.jpg")) === undefined);
    await until("an empty queue", async () => (await parts.queue.depth!("bulk")) === 0);
    assert.equal(attempts, 1);
    assert.deepEqual(kinds(await parts.ledger.history(job.id)), ["admitted", "started", "done"]);
    assert.equal(parts.problems.length, 2);
  });

  test("a store that stays away makes a dead letter after four attempts, and no output", async () => {
    const put = () => Promise.reject(new Problem("store-unavailable", "the share is away"));
    await using parts = await setUp({ masked: { put } });
    await parts.photos.put("a.jpg", streamOf(portrait), type);
    const job = await parts.admitObject("a.jpg");
    const record = await parts.settled(job.id, "dead");
    assert.deepEqual([record.attempts, record.last.code], [4, "store-unavailable"]);
    assert.equal(await parts.masked.head("a.jpg"), undefined);
  });

  test("deaths of the service among other jobs use up no attempt; alone they do, so that none loops for ever", async () => {
    await using parts = await setUp();
    const interrupted = async (key: string, detail: Pick<LedgerEvent, "alone">) => {
      const { version } = await parts.photos.put(key, streamOf(portrait), type);
      const where = { input: { store: "photos", key, version }, output: { store: "masked", key } };
      const job = { id: key, revision: 0, route: route.name, medium: "image", ...where, policy: route.policy } as const;
      const [admission] = await parts.ledger.admit([{ job, lane: "bulk" }]);
      for (let at = 1; at <= 4; at++) await parts.ledger.append({ jobId: key, kind: "started", at, ...detail });
      await parts.queue.publish([admission!.record.job], "bulk");
    };
    await interrupted("healthy.jpg", {});
    const done = await parts.settled("healthy.jpg", "done");
    assert.equal(done.attempts, 5);
    const starts = (await parts.ledger.history("healthy.jpg")).filter(({ kind }) => kind === "started");
    assert.deepEqual(
      starts.map(({ alone }) => alone),
      [undefined, undefined, undefined, undefined, true],
    );
    await interrupted("deadly.jpg", { alone: true });
    const dead = await parts.settled("deadly.jpg", "dead");
    assert.deepEqual([dead.last.code, dead.attempts], ["crashed", 4]);
  });

  test("a dead letter that is sent back is a new revision with attempts of its own", async () => {
    let away = true;
    const memory = createMemoryStore({ name: "masked" });
    const put: Store["put"] = (key, body, options) =>
      away ? Promise.reject(new Problem("store-full", "no room")) : memory.put(key, body, options);
    await using parts = await setUp({ masked: { ...memory, put } });
    await parts.photos.put("a.jpg", streamOf(portrait), type);
    const job = await parts.admitObject("a.jpg");
    await parts.settled(job.id, "dead");
    away = false;
    const successor = await parts.redrive(job.id);
    assert.equal(successor.job.revision, 1);
    assert.equal((await parts.settled(successor.job.id, "done")).attempts, 1);
    assert.equal((await parts.ledger.get(job.id))?.state, "redriven");
    await assert.rejects(parts.redrive(job.id), (error) => error instanceof Problem && error.code === "not-ready");
  });

  test("what is no picture is skipped by its kind after a look at its first bytes", async () => {
    await using parts = await setUp();
    await parts.photos.put("film.mp4", streamOf(Buffer.from("\0\0\0\x18ftypisom\0\0\x02\0isomiso2", "latin1")), type);
    const job = await parts.admitObject("film.mp4");
    assert.equal((await parts.settled(job.id, "skipped")).last.recognised, "video (MP4)");
    assert.equal(await parts.masked.head("film.mp4"), undefined);
  });

  test("a damaged picture is dead at once", async () => {
    await using parts = await setUp();
    await parts.photos.put("cut.jpg", streamOf(portrait.subarray(0, 5000)), type);
    const job = await parts.admitObject("cut.jpg");
    const record = await parts.settled(job.id, "dead");
    assert.deepEqual([record.attempts, record.last.code], [1, "unreadable"]);
    // The ledger says of which bytes that was found, and by what.
    const sha256 = createHash("sha256").update(portrait.subarray(0, 5000)).digest("hex");
    assert.deepEqual([record.last.input, typeof record.last.detector?.digest], [{ size: 5000, sha256 }, "string"]);
  });

  test("the newest version wins: an older job never writes over a newer result", async () => {
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const memory = createMemoryStore({ name: "photos" });
    const get: Store["get"] = async (key, options) => {
      const object = await memory.get(key, options);
      if (options?.version === "1") await held;
      return object;
    };
    await using parts = await setUp({ photos: { ...memory, get } });
    const first = await parts.photos.put("a.jpg", streamOf(portrait), type);
    assert.equal(first.version, "1");
    const old = await parts.admitObject("a.jpg");
    await parts.settled(old.id, "started");
    await parts.photos.put("a.jpg", streamOf(await sharp(portrait).resize(200).jpeg().toBuffer()), type);
    const fresh = await parts.admitObject("a.jpg");
    await parts.settled(fresh.id, "done");
    const result = await parts.masked.head("a.jpg");
    letGo();
    await parts.settled(old.id, "superseded");
    assert.deepEqual(await parts.masked.head("a.jpg"), result);
  });

  test("an upload's original goes when its job is finished", async () => {
    await using parts = await setUp({}, true);
    await parts.photos.put("a.jpg", streamOf(portrait), type);
    await parts.settled((await parts.admitObject("a.jpg")).id, "done");
    await until("the original is gone", async () => (await parts.photos.head("a.jpg")) === undefined);
  });

  test("a job that the ledger does not know is told and leaves the queue; the original stays", async () => {
    await using parts = await setUp({}, true);
    await parts.photos.put("a.jpg", streamOf(portrait), type);
    const known = await parts.admitObject("a.jpg");
    await parts.settled(known.id, "done");
    const { version } = await parts.photos.put("b.jpg", streamOf(portrait), type);
    await parts.queue.publish([{ ...known, id: "stranger", input: { ...known.input, key: "b.jpg", version } }], "bulk");
    await until("it is told", async () => parts.problems.some(({ code }) => code === "ledger-broken"));
    await until("an empty queue", async () => (await parts.queue.depth!("bulk")) === 0);
    assert.ok(await parts.photos.head("b.jpg"));
  });

  test("what a second look puts in doubt is held: nothing is written, and the original stays", async () => {
    // With such a score the flat mask itself passes for a head, so the second look is sure to see one more.
    await using parts = await setUp({}, true, { ...route.policy, minScore: 0.1, verify: "hold" });
    await parts.photos.put("a.jpg", streamOf(portrait), type);
    const held = await parts.settled((await parts.admitObject("a.jpg")).id, "held");
    assert.equal(held.last.code, "doubtful");
    assert.equal(await parts.masked.head("a.jpg"), undefined);
    assert.notEqual(await parts.photos.head("a.jpg"), undefined);
    assert.equal(await parts.queue.depth!("bulk"), 0);
  });

  test("a newer version that is done leaves nobody to look at the one that was held", async () => {
    await using parts = await setUp({}, false, { ...route.policy, minScore: 0.1, verify: "hold" });
    await parts.photos.put("a.jpg", streamOf(portrait), type);
    const held = await parts.settled((await parts.admitObject("a.jpg")).id, "held");
    const grey = { width: 64, height: 64, channels: 3, background: "grey" } as const;
    await parts.photos.put("a.jpg", streamOf(await sharp({ create: grey }).jpeg().toBuffer()), type);
    await parts.settled((await parts.admitObject("a.jpg")).id, "done");
    await parts.settled(held.job.id, "superseded");
  });

  test("what is held and sent back is masked with all that both looks found", async () => {
    await using parts = await setUp({}, true, { ...route.policy, minScore: 0.1, verify: "hold" });
    await parts.photos.put("a.jpg", streamOf(portrait), type);
    const held = await parts.settled((await parts.admitObject("a.jpg")).id, "held");
    const [, more, first] = /found (\d+) more than the (\d+)/.exec(held.last.message!)!;
    const { job } = await parts.redrive(held.job.id);
    const { last } = await parts.settled(job.id, "done");
    assert.equal(last.regions, Number(more) + Number(first));
    assert.notEqual(await parts.masked.head("a.jpg"), undefined);
    assert.equal((await parts.ledger.get(held.job.id))?.state, "redriven");
  });

  test("what lay at the output before is never replaced, and becomes a dead letter with a reason", async () => {
    await using parts = await setUp();
    const theirs = await parts.masked.put("a.jpg", streamOf(Buffer.from("their own file")), type);
    await parts.photos.put("a.jpg", streamOf(portrait), type);
    const { last } = await parts.settled((await parts.admitObject("a.jpg")).id, "dead");
    assert.equal(last.code, "already-exists");
    assert.deepEqual(await parts.masked.head("a.jpg"), theirs);
  });

  test("what an attempt that died after its put has left is recognised as its own", async () => {
    await using first = await setUp();
    await first.photos.put("a.jpg", streamOf(portrait), type);
    await first.settled((await first.admitObject("a.jpg")).id, "done");
    // The output is there, and this ledger knows nothing of it.
    await using second = await setUp({ masked: first.masked });
    await second.photos.put("a.jpg", streamOf(portrait), type);
    const { last } = await second.settled((await second.admitObject("a.jpg")).id, "done");
    assert.equal(last.output?.version, (await first.masked.head("a.jpg"))?.version);
  });

  test("an original that can't be removed is told, and stops nobody", async () => {
    const remove = () => Promise.reject(new Problem("store-denied", "read-only"));
    await using parts = await setUp({ photos: { remove } }, true);
    await parts.photos.put("a.jpg", streamOf(portrait), type);
    await parts.settled((await parts.admitObject("a.jpg")).id, "done");
    await until("it is told", async () => parts.problems[0]?.code === "store-denied");
    await until("an empty queue", async () => (await parts.queue.depth!("bulk")) === 0);
  });

  test("a photo that left the folder and comes back is masked after all", async () => {
    await using parts = await setUp();
    const { version } = await parts.photos.put("a.jpg", streamOf(portrait), type);
    await parts.photos.remove("a.jpg");
    const gone = await parts.admitArrival({ key: "a.jpg", version });
    await parts.settled(gone.id, "superseded");
    const back = await parts.photos.put("a.jpg", streamOf(portrait), type);
    assert.deepEqual(await parts.ledger.unseen("folder", [{ key: "a.jpg", version }]), [{ key: "a.jpg", version }]);
    await parts.settled((await parts.admitArrival(back)).id, "done");
  });

  test("a second photo with the same bytes is delivered without the engine, and the ledger says so", async () => {
    const uses: string[] = [];
    const results = createResultCache({
      ...{ cache: createMemoryCache({ maxBytes: 1e7 }), spool, limits, installationKey: "key", ttlMs: 60_000 },
      ...{ detector: await pool.detector(), now: Date.now, observe: ({ outcome }) => uses.push(outcome) },
      ...{ onProblem: assert.fail, onMended: assert.fail },
    });
    await using parts = await setUp({}, false, route.policy, results);
    const done = [];
    for (const key of ["a.jpg", "sub/b.jpg"]) {
      await parts.photos.put(key, streamOf(portrait), type);
      const { id } = await parts.admitObject(key);
      done.push((await parts.settled(id, "done")).last);
    }
    const [first, second] = done;
    assert.deepEqual([first!.cached, second!.cached], [undefined, true]);
    assert.deepEqual(Object.keys(first!.timings!), ["get", "cache", "open", "detect", "render", "put"]);
    assert.deepEqual(Object.keys(second!.timings!), ["get", "cache", "put"]);
    assert.ok(first!.regions! >= 1);
    assert.deepEqual(
      [second!.regions, second!.detector, second!.input],
      [first!.regions, first!.detector, first!.input],
    );
    assert.equal(second!.output!.sha256, first!.output!.sha256);
    const bytesOf = async (key: string) => Buffer.concat(await (await parts.masked.get(key)).stream.toArray());
    assert.ok((await bytesOf("a.jpg")).equals(await bytesOf("sub/b.jpg")));
    assert.deepEqual(uses, ["miss", "kept", "hit"]);
    assert.deepEqual(await filesIn(spool.folder), []);
  });
});
