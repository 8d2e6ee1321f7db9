/**
 * node bench/detect-speed.ts [--runs 10] [--detector yunet] [--models FOLDER]
 *
 * What detection costs by profile and picture size, on one core, as Markdown: the fastest of several runs, because
 * whatever else runs on the machine can only make them slower.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";
import type { Pixels } from "../src/core/detector.ts";
import { bundledDetector, parseDetectors } from "../src/core/detector.ts";
import { profiles } from "../src/core/policy.ts";
import { openDetector } from "../src/engine/detectors.ts";
import type { Stage } from "../src/engine/scan.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "10" },
    detector: { type: "string", default: bundledDetector },
    models: { type: "string", default: "veil-data/models" },
  },
});
const setup = { detectors: parseDetectors(values.detector) ?? [], models: values.models };
const stages: Record<Stage, number> = { resize: 0, network: 0, merge: 0 };
const detector = await openDetector(setup, { onStage: (stage, ms) => (stages[stage] += ms) });

console.log("| picture | profile | ms | resize | network | merge | process, MB |");
console.log("|---|---|---|---|---|---|---|");
for (const [width, height] of [
  [640, 480],
  [1024, 768],
  [1920, 1080],
  [4000, 3000],
] as const) {
  const picture = await portraits(width, height);
  for (const profile of profiles) {
    let best = { total: Number.POSITIVE_INFINITY, ...stages };
    for (let run = 0; run < Number(values.runs); run++) {
      Object.assign(stages, { resize: 0, network: 0, merge: 0 });
      const start = performance.now();
      await detector.detect(picture, { profile });
      const total = performance.now() - start;
      if (total < best.total) best = { total, ...stages };
    }
    const { total, resize, network, merge } = best;
    const cells = [total, resize, network, merge, process.memoryUsage.rss() / 1e6].map((value) => value.toFixed(0));
    console.log(`| ${width} x ${height} | ${profile} | ${cells.join(" | ")} |`);
  }
}

/** The repository's portrait in rows and columns: as many faces as fit. */
async function portraits(width: number, height: number): Promise<Pixels> {
  const path = fileURLToPath(new URL("../test/fixtures/astronaut.png", import.meta.url));
  const tile = await sharp(path).resize(160).png().toBuffer();
  const { data } = await sharp({ create: { width, height, channels: 3, background: "#777" } })
    .composite([{ input: tile, tile: true }])
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width, height, channels: 3 };
}
