/**
 * node bench/peers.ts DIR --truth FILE [--only SET] [--half report] [--limit N] [--models DIR] [--ultra-light MODEL]
 *
 * How many labelled faces leak with veil's detectors and profiles, and with what others use, on the same pictures, in
 * one run, under the same masks: as Markdown. --models is a folder of models that veil models add has filled;
 * --ultra-light is the published version-RFB-640.onnx of Ultra-Light-Fast-Generic-Face-Detector-1MB.
 */
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import type { Candidate } from "../src/core/candidate.ts";
import type { Detector } from "../src/core/detector.ts";
import { suppress } from "../src/core/merge.ts";
import { defaultPolicy, type Profile } from "../src/core/policy.ts";
import type { Presets } from "../src/core/presets.ts";
import { openFaceNetwork } from "../src/engine/detectors.ts";
import { floatsOf, openNetwork } from "../src/engine/onnx.ts";
import { Tensor } from "../src/engine/onnx-runtime.ts";
import { createScan } from "../src/engine/scan.ts";
import type { Half } from "../src/eval/choose.ts";
import { evaluate } from "../src/eval/evaluate.ts";
import { readTruth } from "../src/eval/read-truth.ts";

interface Contender {
  readonly name: string;
  readonly detector: Detector;
  readonly profile: Profile;
  readonly minScore: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    truth: { type: "string", multiple: true },
    only: { type: "string", multiple: true },
    half: { type: "string" },
    limit: { type: "string" },
    models: { type: "string", default: "veil-data/models" },
    "ultra-light": { type: "string" },
  },
});
const [folder] = positionals;
if (folder === undefined) throw new Error("Expected a folder: node bench/peers.ts DIR --truth FILE");
const truth = await readTruth(
  (values.truth ?? [join(folder, "truth.jsonl")]).map((path) => resolve(path)),
  resolve(folder),
);
const choice = {
  ...(values.only && { sets: values.only }),
  ...(values.half && { half: values.half as Half }),
  ...(values.limit && { limit: Number(values.limit) }),
};
const scratch = await mkdtemp(join(tmpdir(), "veil-peers-"));
const percent = (share: number | undefined) => (share === undefined ? "-" : (100 * share).toFixed(1));

try {
  console.log("| detector | masked, all | ≥ 16 px | ≥ 32 px | false regions a picture | area | ms to detect |");
  console.log("|---|---|---|---|---|---|---|");
  for (const { name, detector, profile, minScore } of await contenders()) {
    const { card } = await evaluate({
      ...{ truth, choice, detector, scratch, withPictures: false, version: "bench" },
      policy: { ...defaultPolicy, profile, minScore },
      minScore,
      limits: { maxBytes: 2 ** 28, maxPixels: 120e6, maxFrames: 100 },
    });
    const recall = (slice: string) => card.slices.find(({ id }) => id === slice)?.recall;
    const cells = [
      ...["all", "height>=16", "height>=32"].map((slice) => percent(recall(slice))),
      card.falseRegions[0]!.perPicture.toFixed(2),
      card.area.changedPerLabelled?.toFixed(1) ?? "-",
      card.cpuMs.detect.mean.toFixed(0),
    ];
    console.log(`| ${name}, score from ${minScore} | ${cells.join(" | ")} |`);
  }
} finally {
  await rm(scratch, { recursive: true });
}

async function contenders(): Promise<Contender[]> {
  const setup = { models: values.models };
  const fullRange = await openFaceNetwork("mediapipe-full-range", setup);
  const yunet = await openFaceNetwork("yunet", setup);
  const scrfd = await openFaceNetwork("scrfd", setup);
  const once = (network: typeof yunet, side: number) => createScan({ ...network, presets: onePass(side) });
  const veil = (network: typeof yunet, profile: Profile): Contender => ({
    name: `**veil**, ${network.name}, ${profile}`,
    detector: createScan(network),
    profile,
    minScore: network.presets.profiles[profile].minScore,
  });
  return [
    { name: "Full Range, one pass of 192", detector: once(fullRange, 192), profile: "fast", minScore: 0.5 },
    { name: "YuNet, one pass of 640", detector: once(yunet, 640), profile: "fast", minScore: 0.6 },
    { name: "YuNet, one pass of 1024", detector: once(yunet, 1024), profile: "fast", minScore: 0.6 },
    { name: "SCRFD 2.5g, one pass of 640", detector: once(scrfd, 640), profile: "fast", minScore: 0.5 },
    ...(values["ultra-light"]
      ? [
          {
            name: "Ultra-Light RFB, 640 x 480",
            detector: await ultraLight(values["ultra-light"]),
            profile: "fast" as const,
            minScore: 0.7,
          },
        ]
      : []),
    veil(fullRange, "balanced"),
    veil(yunet, "fast"),
    veil(yunet, "balanced"),
    veil(yunet, "thorough"),
    veil(scrfd, "balanced"),
  ];
}

/** A single pass, as most programs do it. */
function onePass(side: number): Presets {
  const preset = {
    minScore: 0.5,
    turns: false,
    rows: [{ upTo: Number.POSITIVE_INFINITY, passes: [{ side }], turned: [] }],
  };
  return { alwaysUpTo: side, maxEnlargement: 4, profiles: { fast: preset, balanced: preset, thorough: preset } };
}

/** Ultra-Light's own way: the picture squeezed to 640 x 480, (pixel - 127) / 128, corners from 0 to 1. */
async function ultraLight(path: string): Promise<Detector> {
  const onnx = await readFile(path);
  const network = await openNetwork(onnx);
  const [width, height] = [640, 480];
  return {
    name: "ultra-light",
    digest: createHash("sha256").update(onnx).digest("hex"),
    async detect(picture, { minScore = 0.7 }) {
      const raw = { width: picture.width, height: picture.height, channels: picture.channels };
      const { data } = await sharp(picture.data, { raw })
        .removeAlpha()
        .resize(width, height, { fit: "fill" })
        .raw()
        .toBuffer({ resolveWithObject: true });
      const input = new Float32Array(3 * width * height);
      for (let pixel = 0; pixel < width * height; pixel++) {
        for (let channel = 0; channel < 3; channel++)
          input[channel * width * height + pixel] = (data[3 * pixel + channel]! - 127) / 128;
      }
      const { scores, boxes } = await network.run({ input: new Tensor("float32", input, [1, 3, height, width]) });
      const [score, corner] = [floatsOf(scores), floatsOf(boxes)];
      const cells: Candidate[] = [];
      for (let cell = 0; cell < score.length / 2; cell++) {
        if (score[2 * cell + 1]! < minScore) continue;
        const [x, y] = [corner[4 * cell]! * picture.width, corner[4 * cell + 1]! * picture.height];
        const box = {
          x,
          y,
          width: corner[4 * cell + 2]! * picture.width - x,
          height: corner[4 * cell + 3]! * picture.height - y,
        };
        cells.push({ box, score: score[2 * cell + 1]!, keypoints: [] });
      }
      return suppress(cells, 0.3).map((face) => ({ kind: "face", box: face.box, score: face.score }));
    },
  };
}
