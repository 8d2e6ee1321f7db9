/**
 * npm run bench -- [--photos DIR] [--models DIR] [--detector yunet] [--rounds 3] [--processes N] [--opencv MODEL]
 *
 * Pictures a second of veil, in the engine's pool and as a command, against the codec floor (the same codec, decode and
 * encode alone, in as many processes) and, with --opencv and YuNet's published model of 640 x 640, against a plain
 * OpenCV pipeline. All contenders run in turn, several rounds; what is printed is each one's best round, because
 * whatever else runs on the machine can only make it slower, and its median. Photographs are cut to each size from
 * those of DIR, or made of the repository's portrait.
 */
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bundledDetector, parseDetectors } from "../src/core/detector.ts";
import { profiles } from "../src/core/policy.ts";
import { type Contender, codecFloor, commandLine, enginePool, openCv } from "./speed/contenders.ts";
import { makePictures, sizes } from "./speed/pictures.ts";

const { values } = parseArgs({
  options: {
    photos: { type: "string" },
    models: { type: "string", default: "veil-data/models" },
    detector: { type: "string", default: bundledDetector },
    rounds: { type: "string", default: "3" },
    processes: { type: "string", default: String(Math.min(8, availableParallelism())) },
    size: { type: "string", multiple: true },
    opencv: { type: "string" },
  },
});
const processes = Number(values.processes);
const detector = { detectors: parseDetectors(values.detector) ?? [], models: values.models };
const root = await mkdtemp(join(tmpdir(), "veil-bench-"));
const spool = join(root, "spool");
await mkdir(spool, { mode: 0o700 });

try {
  const data = join(root, "data");
  await mkdir(join(data, "models"), { recursive: true });
  // The command line finds its models in a data folder.
  const { cp } = await import("node:fs/promises");
  if (values.detector !== bundledDetector) await cp(values.models, join(data, "models"), { recursive: true });
  const flags = ["--data-dir", data, "--set", `detector=${values.detector}`, "--set", `engine.processes=${processes}`];
  const contenders: Contender[] = [
    codecFloor(processes),
    ...(await Promise.all(profiles.map((profile) => enginePool(profile, { processes, detector, spool })))),
    commandLine("fast", flags),
    commandLine("balanced", flags),
    ...(values.opencv ? [openCv(processes, values.opencv, 640, 0.6)] : []),
  ];
  console.log(`${processes} processes, detector ${values.detector}, ${values.rounds} rounds\n`);
  for (const size of sizes.filter(({ name }) => values.size?.includes(name) ?? true)) {
    const folder = await makePictures(root, size, values.photos);
    const files = (await readdir(folder)).sort().map((name) => join(folder, name));
    const seconds = new Map(contenders.map(({ name }) => [name, [] as number[]]));
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const { name, run } of contenders) {
        const out = await mkdtemp(join(root, "out-"));
        seconds.get(name)!.push(await run(files, out));
        const made = (await readdir(out)).filter((file) => file.endsWith(".jpg")).length;
        if (made !== files.length) throw new Error(`Expected ${files.length} results of ${name} but found ${made}`);
        await rm(out, { recursive: true });
      }
    }
    print(`${size.name} (${size.width} x ${size.height}, ${size.count} pictures)`, seconds, size.count);
  }
  for (const { close } of contenders) await close?.();
} finally {
  await rm(root, { recursive: true, force: true });
}

function print(title: string, seconds: ReadonlyMap<string, readonly number[]>, count: number): void {
  const best = (list: readonly number[]) => count / Math.min(...list);
  const middle = (list: readonly number[]) => count / list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)]!;
  const floor = seconds.get("codec floor")!;
  console.log(`### ${title}\n`);
  console.log("| | pictures a second, best | median | of the codec floor, best | median |");
  console.log("|---|---|---|---|---|");
  for (const [name, list] of seconds) {
    const cells = [best(list).toFixed(1), middle(list).toFixed(1)];
    const shares = [best(list) / best(floor), middle(list) / middle(floor)].map((share) => share.toFixed(2));
    console.log(`| ${name} | ${[...cells, ...shares].join(" | ")} |`);
  }
  console.log("");
}
