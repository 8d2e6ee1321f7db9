/**
 * node bench/rest.ts [--photos DIR] [--detector yunet] [--models DIR] [--rounds 5] [--profile fast]
 *
 * What a request adds to masking itself: each 1080p picture is masked by the engine's pool within this process and by
 * `POST /api/v1/anonymize` of a service beside it, in turn, and the medians are printed.
 */
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bundledDetector, parseDetectors } from "../src/core/detector.ts";
import { defaultPolicy, profiles } from "../src/core/policy.ts";
import { claimDataFolder } from "../src/data-claim.ts";
import { createPool } from "../src/engine/pool.ts";
import { maskNow } from "../src/pipeline/mask-now.ts";
import { startProgram } from "../test/e2e/program.ts";
import { makePictures, sizes } from "./speed/pictures.ts";

const { values } = parseArgs({
  options: {
    photos: { type: "string" },
    models: { type: "string", default: "veil-data/models" },
    detector: { type: "string", default: bundledDetector },
    rounds: { type: "string", default: "5" },
    profile: { type: "string", default: "fast" },
  },
});
const profile = profiles.find((name) => name === values.profile) ?? defaultPolicy.profile;
const root = await mkdtemp(join(tmpdir(), "veil-rest-"));
try {
  const size = sizes.find(({ name }) => name === "1080p")!;
  const folder = await makePictures(root, { ...size, count: 16 }, values.photos);
  const files = (await readdir(folder)).map((name) => join(folder, name));
  const dataDir = join(root, "data");
  const spool = join(root, "spool");
  await mkdir(spool, { mode: 0o700 });
  await claimDataFolder(dataDir);
  if (values.detector !== bundledDetector) await cp(values.models, join(dataDir, "models"), { recursive: true });
  const limits = { maxBytes: 2 ** 28, maxPixels: 120e6, maxFrames: 100 };
  const detector = { detectors: parseDetectors(values.detector) ?? [], models: values.models };
  const pool = createPool({ processes: 1, memoryMb: 2048, deadlineMs: 120_000, limits, spool, detector });
  const flags = [
    "--set",
    `detector=${values.detector}`,
    "--set",
    "engine.processes=1",
    "--set",
    "cache.driver=none",
    "--log-level",
    "warn",
  ];
  await using veil = await startProgram({ dataDir, flags });
  const policy = { ...defaultPolicy, profile };

  const within = async (file: string) => {
    await using result = await maskNow(pool, file, { policy, lane: "interactive" });
    await readFile(result.masked.path);
  };
  const asked = async (file: string) => {
    const body = new FormData();
    body.append("image", new Blob([await readFile(file)]), "picture.jpg");
    const answer = await fetch(`${veil.address}/api/v1/anonymize?profile=${profile}`, { method: "POST", body });
    if (!answer.ok) throw new Error(await answer.text());
    await answer.arrayBuffer();
  };
  const time = async (work: (file: string) => Promise<void>, file: string) => {
    const start = performance.now();
    await work(file);
    return performance.now() - start;
  };
  await Promise.all([within(files[0]!), asked(files[0]!)]);
  const took: { readonly within: number; readonly asked: number }[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const file of files) took.push({ within: await time(within, file), asked: await time(asked, file) });
  }
  const median = (list: readonly number[]) => list.toSorted((a, b) => a - b)[list.length >> 1]!.toFixed(1);
  console.log(
    `${took.length} requests, ${profile}: within the process ${median(took.map((one) => one.within))} ms, ` +
      `by request ${median(took.map((one) => one.asked))} ms, ` +
      `median of the differences ${median(took.map((one) => one.asked - one.within))} ms`,
  );
  await pool.close();
} finally {
  await rm(root, { recursive: true, force: true });
}
