import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pid } from "node:process";
import { defaultPolicy } from "../src/core/policy.ts";
import { createSqliteLedger } from "../src/ledger/sqlite.ts";
import { createAdmit } from "../src/pipeline/admit.ts";
import { createKeyFilter } from "../src/pipeline/key-filter.ts";
import { createRemovals } from "../src/pipeline/removals.ts";
import { createSqliteQueue } from "../src/queues/sqlite.ts";
import { createReconcileSource } from "../src/sources/reconcile.ts";
import { openSqlite } from "../src/sqlite.ts";
import { createFsStore } from "../src/stores/fs.ts";

/**
 * How long the first look at a folder of many small files takes, with every one admitted, and a later one that finds
 * nothing new: `node bench/scan.ts DIR COUNT`. DIR is made and filled if it holds fewer; nothing is masked.
 */
const [dir = "", wanted = "100000"] = process.argv.slice(2);
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
    for (let i = at; i < Math.min(at + perFolder, count); i++) await writeFile(join(folder, `${i}.jpg`), bytes);
  }
}

/** Most memory that the process ever had, in MiB. */
function peakMiB(): number {
  const kB = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round(Number(kB) / 1024);
}

const rssMiB = () => Math.round(process.memoryUsage().rss / 2 ** 20);

await fill();
const data = await mkdtemp(`${root}-scan-`);
try {
  const sqlite = await openSqlite(join(data, "veil.sqlite"));
  const ledger = await createSqliteLedger({ sqlite, installationKey: "test" });
  const queue = await createSqliteQueue({ sqlite, leaseMs: 15_000 });
  const onProblem = (problem: Error) => console.error(problem.message);
  const input = createFsStore({ name: "input", root, onProblem });
  const keyed = { ledger, queue, installationKey: "bench", modelDigests: ["bench"], onProblem };
  const admit = createAdmit(keyed);
  const route = {
    ...{ name: "folder", input: "input", output: "output", policy: defaultPolicy, lane: "bulk" as const },
    ...{ watched: true, removeInput: false },
  };
  const removals = createRemovals({
    ...{ ledger, route: "folder", input, output: input, mostRemoved: 0, confirmed: async () => 0, now: Date.now },
    ...{ observe: () => {}, onRefused: () => {}, onProblem },
  });
  const stop = new AbortController();
  const passes: number[] = [];
  let began = performance.now();
  let admitted = 0;
  console.log(`before: ${rssMiB()} MiB`);
  const source = createReconcileSource({
    ...{ name: "bench", route: "folder", store: input, unseen: ledger.unseen, settleMs: 0, intervalMs: 500, onProblem },
    ...{ selects: createKeyFilter({ include: ["**/*.jpg"], exclude: ["private/**"] }), onListed: removals.seen },
    async onPass() {
      await removals.endOfPass();
      const ms = performance.now() - began;
      passes.push(ms);
      const what = passes.length === 1 ? "first look, all admitted" : "later look, nothing new";
      console.log(
        `${what}: ${(ms / 1000).toFixed(1)} s, ${Math.round(count / (ms / 1000))} files/s, ${rssMiB()} MiB (peak ${peakMiB()}), admitted ${admitted}`,
      );
      if (passes.length === 4) stop.abort();
      began = performance.now() + 500;
    },
  });
  for await (const batch of source.arrivals(stop.signal)) {
    await admit(route, batch);
    admitted += batch.length;
  }
  await queue.close();
  await sqlite.close();
} finally {
  await rm(data, { recursive: true, force: true });
}
