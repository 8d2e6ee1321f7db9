/**
 * node bench/scan.ts DIR COUNT [--passes 3] [--removals] [--watch]
 *
 * What a folder of many small files costs: the first look, at which each one is admitted to ledger and queue, and later
 * ones, which find nothing new. DIR is made and filled if it holds fewer, 1000 files to a folder; nothing is masked.
 * `--removals` also follows what is gone, as `removed: remove` does; `--watch` also watches the tree for events. Memory
 * is this whole process's, SQLite's included; `reads` are files that were opened and read, not only looked at.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pid } from "node:process";
import { parseArgs } from "node:util";
import { defaultPolicy } from "../src/core/policy.ts";
import { createSerial } from "../src/core/serial.ts";
import { createSqliteLedger } from "../src/ledger/sqlite.ts";
import { createAdmit } from "../src/pipeline/admit.ts";
import { createKeyFilter } from "../src/pipeline/key-filter.ts";
import { createRemovals } from "../src/pipeline/removals.ts";
import { createSqliteQueue } from "../src/queues/sqlite.ts";
import { createReconcileSource } from "../src/sources/reconcile.ts";
import { createWatchSource } from "../src/sources/watch.ts";
import { openSqlite } from "../src/sqlite.ts";
import { createFsStore, type FsStore } from "../src/stores/fs.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    passes: { type: "string", default: "3" },
    removals: { type: "boolean", default: false },
    watch: { type: "boolean", default: false },
  },
});
const [dir = "", wanted = "100000"] = positionals;
if (dir === "") throw new Error("Expected: node bench/scan.ts DIR COUNT");
const root = resolve(dir);
const count = Number(wanted);
const perFolder = 1000;
// A JPEG's beginning and end: what tells a whole file from one that is still written.
const bytes = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(2000, 1), Buffer.from([0xff, 0xd9])]);

async function fill(): Promise<void> {
  for (let at = 0; at < count; at += perFolder) {
    const folder = join(root, String(at / perFolder).padStart(4, "0"));
    await mkdir(folder, { recursive: true });
    if ((await readdir(folder)).length >= Math.min(perFolder, count - at)) continue;
    for (let i = at; i < Math.min(at + perFolder, count); i++) writeFileSync(join(folder, `${i}.jpg`), bytes);
  }
}

/** Most memory that the process ever had, in MiB. */
function peakMiB(): number {
  const kB = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round(Number(kB) / 1024);
}

const rssMiB = () => Math.round(process.memoryUsage().rss / 2 ** 20);

/** The same store, that counts how often something is read out of it. */
function counted(store: FsStore): { readonly store: FsStore; readonly reads: () => number } {
  let reads = 0;
  const get: FsStore["get"] = (...asked) => {
    reads += 1;
    return store.get(...asked);
  };
  return { store: { ...store, get }, reads: () => reads };
}

await fill();
const data = await mkdtemp(`${root}-scan-`);
try {
  const database = join(data, "veil.sqlite");
  const sqlite = await openSqlite(database);
  const ledger = await createSqliteLedger({ sqlite, installationKey: "test" });
  const queue = await createSqliteQueue({ sqlite, leaseMs: 15_000 });
  const onProblem = (problem: Error) => console.error(problem.message);
  const { store: input, reads } = counted(createFsStore({ name: "input", root, onProblem }));
  const keyed = { ledger, queue, installationKey: "bench", modelDigests: ["bench"], onProblem };
  const admit = createAdmit(keyed);
  const route = {
    ...{ name: "folder", input: "input", output: "output", policy: defaultPolicy, lane: "bulk" as const },
    ...{ watched: true, removeInput: false },
  };
  const removals = createRemovals({
    ...{ ledger, route: "folder", input, output: input, mostRemoved: 0, confirmed: async () => 0, now: Date.now },
    ...{ observe: () => {}, onRefused: () => {}, onProblem, puts: createSerial() },
  });
  const stop = new AbortController();
  const passes = Number(values.passes);
  let pass = 0;
  let began = performance.now();
  let [admitted, readBefore] = [0, 0];
  console.log(`${count} files${values.removals ? ", removals followed" : ""}${values.watch ? ", watched" : ""}`);
  console.log(`before: ${rssMiB()} MiB`);
  const shared = { ...{ name: "bench", route: "folder", store: input, settleMs: 0, onProblem } };
  const source = createReconcileSource({
    ...{ ...shared, unseen: ledger.unseen, intervalMs: 500 },
    selects: createKeyFilter({ include: ["**/*.jpg"], exclude: ["private/**"] }),
    ...(values.removals && { onListed: removals.seen }),
    async onPass(_tookMs, signal) {
      if (values.removals) await removals.endOfPass(signal);
      const ms = performance.now() - began;
      pass += 1;
      const what = pass === 1 ? "first look" : "later look";
      const speed = `${(ms / 1000).toFixed(1)} s, ${Math.round(count / (ms / 1000))} files/s`;
      const memory = `${rssMiB()} MiB (peak ${peakMiB()})`;
      console.log(`${what}: ${speed}, ${memory}, reads ${reads() - readBefore}, admitted ${admitted}`);
      [admitted, readBefore] = [0, reads()];
      if (pass === passes) stop.abort();
      began = performance.now() + 500;
    },
  });
  const watching = values.watch ? watch(shared) : undefined;
  for await (const batch of source.arrivals(stop.signal)) {
    await admit(route, batch);
    admitted += batch.length;
  }
  await watching;
  await queue.close();
  await sqlite.close();
  console.log(`ledger and queue: ${Math.round((await stat(database)).size / 2 ** 20)} MiB on disk`);

  async function watch(options: typeof shared): Promise<void> {
    const start = performance.now();
    let isReady = false;
    const hints = createWatchSource({
      ...options,
      onHintsLost() {
        if (!isReady)
          console.log(`watching after ${((performance.now() - start) / 1000).toFixed(1)} s: ${rssMiB()} MiB`);
        isReady = true;
      },
    });
    for await (const batch of hints.arrivals(stop.signal)) await admit(route, batch);
  }
} finally {
  await rm(data, { recursive: true, force: true });
}
