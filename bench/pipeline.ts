/**
 * npm run bench -- pipeline [--photos DIR] [--count 160] [--rounds 3] [--jobs 600] [--detector yunet --models DIR]
 *                           [--processes N] [--only overhead|speed] [--cache disk]
 *
 * What the pipeline costs beside masking. First the overhead of a job, admitted to acknowledged, with an engine that copies
 * (`bench/pipeline/overhead.ts`), over each queue. Then pictures a second of `veil serve` over a folder that is full when
 * it starts, against `veil mask DIR` on the same files, both from their start to their last picture, with as many
 * engine processes, in turn; each one's best and median. RabbitMQ and Kafka's mock are started for it where they are
 * installed.
 */
import { copyFile, cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bundledDetector } from "../src/core/detector.ts";
import { claimDataFolder } from "../src/data-claim.ts";
import { allTopics } from "../src/queues/kafka-topics.ts";
import { noKafka, startKafkaServer } from "../test/fixtures/kafka-server.ts";
import { startRabbit, withoutRabbit } from "../test/fixtures/rabbitmq-server.ts";
import { median } from "./median.ts";
import { measureOverhead } from "./pipeline/overhead.ts";
import { serveUntilDone } from "./pipeline/serve-until-done.ts";
import { commandLine } from "./speed/contenders.ts";
import { makePictures } from "./speed/pictures.ts";

const { values } = parseArgs({
  allowPositionals: true,
  options: {
    photos: { type: "string" },
    models: { type: "string", default: "veil-data/models" },
    detector: { type: "string", default: bundledDetector },
    count: { type: "string", default: "160" },
    rounds: { type: "string", default: "3" },
    jobs: { type: "string", default: "600" },
    processes: { type: "string", default: String(Math.min(8, availableParallelism())) },
    only: { type: "string" },
    cache: { type: "string", default: "none" },
  },
});
const count = Number(values.count);
const rounds = Number(values.rounds);
const root = await mkdtemp(join(tmpdir(), "veil-pipeline-"));
await using servers = new AsyncDisposableStack();
const rabbit = withoutRabbit() === false ? servers.use(await startRabbit()) : undefined;
const kafka = noKafka === false ? servers.use(await startKafkaServer()) : undefined;
const queues: Record<string, () => Promise<readonly string[]>> = {
  sqlite: async () => [],
  ...(rabbit && {
    rabbitmq: async () => ["queue.driver=rabbitmq", `queue.url=${rabbit.url}`, `queue.prefix=${prefix()}`],
  }),
  ...(kafka && {
    "kafka-mock": async () => {
      const name = prefix();
      await kafka.createTopics(allTopics(name), 1);
      return ["queue.driver=kafka", `queue.brokers=${kafka.address}`, `queue.prefix=${name}`];
    },
  }),
};
let prefixes = 0;

/** Nothing that an earlier round left is met. */
function prefix(): string {
  prefixes += 1;
  return `bench${prefixes}`;
}

try {
  if (values.only !== "speed") await overhead();
  if (values.only !== "overhead") await speed();
} finally {
  await rm(root, { recursive: true, force: true });
}

async function overhead(): Promise<void> {
  const concurrency = Number(values.processes);
  const taken = new Map(Object.keys(queues).map((name) => [name, [] as { one: number; many: number }[]]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, settings] of Object.entries(queues)) {
      const folder = await mkdtemp(join(root, "overhead-"));
      const options = { folder, concurrency, jobs: Number(values.jobs) };
      taken.get(name)!.push(await measureOverhead({ ...options, settings: await settings() }));
      await rm(folder, { recursive: true });
    }
  }
  console.log(
    `### Overhead of a job, admitted to acknowledged, ${values.jobs} jobs, best and median of ${rounds} rounds\n`,
  );
  console.log(
    `| queue | one at a time, ms | ms a job with ${concurrency} in work | jobs a second |\n|---|---|---|---|`,
  );
  for (const [name, list] of taken) {
    const [one, many] = [list.map((it) => it.one), list.map((it) => it.many)];
    const both = (times: readonly number[]) => `${Math.min(...times).toFixed(1)} (${median(times).toFixed(1)})`;
    console.log(`| ${name} | ${both(one)} | ${both(many)} | ${(1000 / Math.min(...many)).toFixed(0)} |`);
  }
  console.log("");
}

async function speed(): Promise<void> {
  const photos = await photographs();
  const settings = [
    `detector=${values.detector}`,
    `engine.processes=${values.processes}`,
    `cache.driver=${values.cache}`,
  ];
  const flags = settings.flatMap((one) => ["--set", one]);
  const seconds = new Map<string, number[]>();
  const note = (name: string, took: number) => seconds.set(name, [...(seconds.get(name) ?? []), took]);
  for (let round = 0; round < rounds; round++) {
    const data = await dataFolder();
    const out = await mkdtemp(join(root, "out-"));
    note("veil mask DIR", await commandLine("balanced", ["--data-dir", data, ...flags]).run(photos, out));
    for (const folder of [data, out]) await rm(folder, { recursive: true });
    for (const [name, queue] of Object.entries(queues))
      note(`veil serve, ${name}`, await serve(photos, [...flags, ...(await queue()).flatMap((one) => ["--set", one])]));
  }
  const floor = seconds.get("veil mask DIR")!;
  console.log(
    `### ${photos.length} photographs, ${values.processes} processes, ${values.detector}, cache ${values.cache}, ${rounds} rounds\n`,
  );
  console.log("| | pictures a second, best | median | of `veil mask`, best | median |\n|---|---|---|---|---|");
  for (const [name, list] of seconds) {
    const speeds = [photos.length / Math.min(...list), photos.length / median(list)];
    const shares = [Math.min(...floor) / Math.min(...list), median(floor) / median(list)];
    console.log(
      `| ${name} | ${speeds[0]!.toFixed(1)} | ${speeds[1]!.toFixed(1)} | ${shares.map((it) => it.toFixed(2)).join(" | ")} |`,
    );
  }
}

/** From the start of the program to the last picture that the ledger has as done. */
async function serve(photos: readonly string[], flags: readonly string[]): Promise<number> {
  const dataDir = await dataFolder();
  await mkdir(join(dataDir, "input_photos"));
  for (const [index, photo] of photos.entries()) await copyFile(photo, join(dataDir, "input_photos", `${index}.jpg`));
  const took = await serveUntilDone(dataDir, flags, photos.length);
  await rm(dataDir, { recursive: true });
  return took;
}

async function dataFolder(): Promise<string> {
  const folder = await mkdtemp(join(root, "data-"));
  await rm(folder, { recursive: true });
  await mkdir(folder, { mode: 0o700 });
  // A folder with models in it and without its key would not be taken for veil's.
  await claimDataFolder(folder);
  if (values.detector !== bundledDetector) await cp(values.models, join(folder, "models"), { recursive: true });
  await writeFile(join(folder, "veil.yaml"), "");
  return folder;
}

/** Photographs as they are, in a folder of their own; without any, crowds made of the repository's portrait. */
async function photographs(): Promise<readonly string[]> {
  if (values.photos === undefined) {
    const made = await makePictures(root, { name: "1 MP", width: 1152, height: 864, count }, undefined);
    return (await readdir(made)).sort().map((name) => join(made, name));
  }
  const folder = join(root, "photos");
  await mkdir(folder);
  const names = (await readdir(values.photos)).filter((name) => /\.jpe?g$/i.test(name)).sort();
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const path = join(folder, `${index}.jpg`);
      await copyFile(join(values.photos!, names[index % names.length]!), path);
      return path;
    }),
  );
}
