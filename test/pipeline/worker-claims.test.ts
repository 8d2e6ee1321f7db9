import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Job } from "../../src/core/job.ts";
import { createSerial } from "../../src/core/serial.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { createTombstones } from "../../src/ledger/tombstone.ts";
import { createMarks } from "../../src/pipeline/marks.ts";
import { noResultCache } from "../../src/pipeline/result-cache.ts";
import { openSpool } from "../../src/pipeline/spool.ts";
import { runWorker, type WorkerParts } from "../../src/pipeline/worker.ts";
import { createMemoryQueue } from "../../src/queues/memory.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { createMemoryStore } from "../../src/stores/memory.ts";
import { eventually } from "../contracts/eventually.ts";
import { makeCandidate } from "../contracts/jobs.ts";

const folder = await mkdtemp(join(tmpdir(), "veil-claims-"));
after(() => rm(folder, { recursive: true }));

const portrait = new URL("../fixtures/astronaut.png", import.meta.url);
const bytes = await readFile(portrait);

/** Two hosts' workers over one ledger and one store, each with a copy of each job in a queue of its own. */
async function openHosts(claimMs: number) {
  const sqlite = await openSqlite(":memory:");
  const ledger = await createSqliteLedger({ sqlite, installationKey: "test" });
  const spool = await openSpool(join(folder, `${Math.random()}`));
  const [input, output] = [createMemoryStore({ name: "input" }), createMemoryStore({ name: "output" })];
  const { version } = await input.put("a.png", Readable.from([bytes]), { contentType: "image/png" });
  const [admission] = await ledger.admit([makeCandidate({ key: "a.png", version })]);
  const { job } = admission!.record;
  const rendered: string[] = [];
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const closers: (() => Promise<unknown>)[] = [];

  /** `ledgerOf` may stand in for verbs of the ledger; a host renders once its gate is opened. */
  async function host(name: string, verbs: Partial<Ledger> = {}) {
    const queue = createMemoryQueue({ pollMs: 5 });
    const stop = new AbortController();
    const gate = Promise.withResolvers<void>();
    gates.set(name, gate);
    const medium: WorkerParts["medium"] = {
      open: async () =>
        ({
          ...{ format: "png", width: 1, height: 1, frames: 1 },
          look: async () => ({ first: [], second: [] }),
          async render() {
            rendered.push(name);
            await gate.promise;
            const path = join(folder, `${name}-${Math.random()}`);
            await writeFile(path, `masked by ${name}`);
            return { path, contentType: "image/png", size: 10 + name.length, sha256: name } as never;
          },
          [Symbol.asyncDispose]: async () => {},
        }) as never,
    };
    const working = runWorker(
      {
        ...{
          ledger: { ...ledger, ...verbs },
          queue,
          medium,
          spool,
          limits: { maxBytes: 9e9, maxPixels: 9e9, maxFrames: 9 },
        },
        ...{ detector: { name: "d", digest: "x" }, concurrency: 1, maxRetries: 3, retryDelayMs: 20 },
        ...{ pace: { ready: async () => {}, pausedRoutes: () => [] }, results: noResultCache },
        ...{ puts: createSerial(), bury: createTombstones("test"), marks: createMarks("test") },
        routes: new Map(),
        storeOf: (store) => (store === "input" ? input : output),
        ...{ onProblem: () => {}, observe: () => {}, now: Date.now, random: () => 0.5, holder: name, claimMs },
      },
      stop.signal,
    );
    closers.push(async () => {
      gate.resolve();
      stop.abort();
      await working;
      await queue.close();
    });
    return { queue, open: () => gate.resolve(), lend: (one: Job) => queue.publish([one], "bulk") };
  }

  return {
    ...{ ledger, job, rendered, output, host },
    kinds: async () => (await ledger.history(job.id)).map(({ kind }) => kind),
    async [Symbol.asyncDispose]() {
      await Promise.all(closers.map((close) => close()));
      await spool.close();
      await sqlite.close();
    },
  };
}

test("of two copies on two hosts one is worked on, and the other one finds it done", async () => {
  await using hosts = await openHosts(60_000);
  const [one, other] = [await hosts.host("one"), await hosts.host("other")];
  await one.lend(hosts.job);
  await eventually("one is at it", () => hosts.rendered.length === 1);
  await other.lend(hosts.job);
  await sleep(200);
  assert.deepEqual(hosts.rendered, ["one"]);
  one.open();
  await eventually("it is done", async () => (await hosts.ledger.get(hosts.job.id))?.state === "done");
  assert.deepEqual(await hosts.kinds(), ["admitted", "started", "done"]);
  assert.deepEqual(hosts.rendered, ["one"]);
});

test("a job that is in work for longer than its claim stays its worker's own", async () => {
  await using hosts = await openHosts(300);
  const [one, other] = [await hosts.host("one"), await hosts.host("other")];
  await one.lend(hosts.job);
  await eventually("one is at it", () => hosts.rendered.length === 1);
  await other.lend(hosts.job);
  await sleep(1200);
  one.open();
  await eventually("both copies are settled", async () => (await other.queue.depth!("bulk")) === 0);
  assert.deepEqual(await hosts.kinds(), ["admitted", "started", "done"]);
  assert.deepEqual(hosts.rendered, ["one"]);
});

test("a worker that was silent for too long delivers nothing, and says nothing more of the job", async () => {
  await using hosts = await openHosts(300);
  // It can't renew, as when its host hangs.
  const silent = await hosts.host("silent", { renew: async (claims) => claims.map(({ jobId }) => jobId) });
  await silent.lend(hosts.job);
  await eventually("it is at it", () => hosts.rendered.length === 1);
  await sleep(400);
  const other = await hosts.host("other");
  other.open();
  await other.lend(hosts.job);
  await eventually("it is done", async () => (await hosts.ledger.get(hosts.job.id))?.state === "done");
  silent.open();
  await eventually("the silent one's copy is settled", async () => (await silent.queue.depth!("bulk")) === 0);
  assert.deepEqual(await hosts.kinds(), ["admitted", "started", "started", "done"]);
  assert.deepEqual(hosts.rendered, ["silent", "other"]);
  const { stream } = await hosts.output.get("a.png", {});
  assert.equal(Buffer.concat(await Array.fromAsync(stream)).toString(), "masked by other");
});

test("a job whose attempts are used up is not given up under the hands of a worker that has just begun it", async () => {
  await using hosts = await openHosts(60_000);
  const { ledger, job } = hosts;
  const start = { jobId: job.id, kind: "started" as const, at: 1, alone: true as const };
  for (let attempt = 1; attempt <= 4; attempt += 1)
    await ledger.start({ ...start, attempt }, { holder: "gone", ttlMs: 0 });
  let begun = false;
  const history: Ledger["history"] = async (id) => {
    const events = await ledger.history(id);
    if (!begun) await ledger.start({ ...start, attempt: 5 }, { holder: "other", ttlMs: 60_000 });
    begun = true;
    return events;
  };
  const one = await hosts.host("one", { history });
  await one.lend(job);
  await eventually("the other one has begun", () => begun);
  await sleep(200);
  assert.equal((await ledger.get(job.id))?.state, "started");
  assert.ok(!(await hosts.kinds()).includes("dead"));
});

test("a job whose last attempt did not end, as the ones before, is given up", async () => {
  await using hosts = await openHosts(60_000);
  const { ledger, job } = hosts;
  for (let attempt = 1; attempt <= 4; attempt += 1)
    await ledger.start({ jobId: job.id, kind: "started", at: 1, alone: true, attempt }, { holder: "gone", ttlMs: 0 });
  const one = await hosts.host("one");
  await one.lend(job);
  await eventually("it is given up", async () => (await ledger.get(job.id))?.state === "dead");
  assert.equal((await ledger.get(job.id))?.last.code, "crashed");
});
