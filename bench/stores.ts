/**
 * npm run bench -- stores [--photos DIR] [--count 1000] [--rounds 2] [--detector yunet --models DIR] [--processes N]
 *
 * Pictures a second of `veil serve` from one bucket into another, beside the same pictures from folder to folder: from
 * the start of the program over a full input to the last masked picture, in turn; best and median. The object store is a
 * Ceph on this machine, whose work is in the figure.
 */
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bundledDetector } from "../src/core/detector.ts";
import { claimDataFolder } from "../src/data-claim.ts";
import { openBuckets, s3Of } from "../test/e2e/s3-buckets.ts";
import { startCeph, withoutCeph } from "../test/fixtures/ceph-server.ts";
import { median } from "./median.ts";
import { serveUntilDone } from "./pipeline/serve-until-done.ts";
import { makePictures } from "./speed/pictures.ts";

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    photos: { type: "string" },
    models: { type: "string", default: "veil-data/models" },
    detector: { type: "string", default: bundledDetector },
    count: { type: "string", default: "1000" },
    rounds: { type: "string", default: "2" },
    processes: { type: "string", default: String(Math.min(8, availableParallelism())) },
  },
});
const reason = withoutCeph();
if (reason !== false) throw new Error(reason);
const count = Number(values.count);
const root = await mkdtemp(join(tmpdir(), "veil-stores-"));
const flags = [`detector=${values.detector}`, `engine.processes=${values.processes}`, "cache.driver=none"].flatMap(
  (one) => ["--set", one],
);

try {
  await using ceph = await startCeph();
  const client = s3Of(ceph);
  const size = { name: "1 MP", width: 1152, height: 864, count };
  const folder = await makePictures(root, size, values.photos);
  const photos = (await readdir(folder)).map((name) => join(folder, name));
  const seconds = new Map<string, number[]>([
    ["folder → folder", []],
    ["S3 → S3", []],
  ]);
  for (let round = 0; round < Number(values.rounds); round++) {
    const local = await mkdtemp(join(root, "local-"));
    await ready(local);
    await mkdir(join(local, "input_photos"));
    for (const [index, photo] of photos.entries()) await copyFile(photo, join(local, "input_photos", `${index}.jpg`));
    seconds.get("folder → folder")!.push(await serveUntilDone(local, flags, count));
    await rm(local, { recursive: true });

    await using buckets = await openBuckets(ceph, client, "    pollMs: 5000");
    await ready(buckets.dataDir);
    for (const [index, photo] of photos.entries()) await buckets.put(`${index}.jpg`, await readFile(photo));
    seconds.get("S3 → S3")!.push(await serveUntilDone(buckets.dataDir, flags, count));
  }
  client.destroy();
  const base = seconds.get("folder → folder")!;
  console.log(`### ${count} photographs, ${values.processes} processes, ${values.detector}, ${values.rounds} rounds\n`);
  console.log("| | pictures a second, best | median | of the folder's, best | median |\n|---|---|---|---|---|");
  for (const [name, list] of seconds) {
    const speeds = [count / Math.min(...list), count / median(list)].map((it) => it.toFixed(1));
    const shares = [Math.min(...base) / Math.min(...list), median(base) / median(list)].map((it) => it.toFixed(2));
    console.log(`| ${[name, ...speeds, ...shares].join(" | ")} |`);
  }
} finally {
  await rm(root, { recursive: true, force: true });
}

async function ready(dataDir: string): Promise<void> {
  await claimDataFolder(dataDir);
  if (values.detector !== bundledDetector) await cp(values.models, join(dataDir, "models"), { recursive: true });
}
