/**
 * node bench/recall.ts DIR [--profile fast|balanced|thorough]... [--min-score 0.3,0.4]
 *
 * Faces found and false regions over labelled pictures, as Markdown. DIR holds faces/truth.jsonl (a line an image:
 * {"file","set","width","height","faces":[{"x","y","w","h","invalid","wider"}]}, boxes in pixels as stored; faces
 * that are invalid or that "wider" calls "ignore" do not count) and nofaces/index.jsonl ({"file"}), with the pictures
 * beside them.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import type { Pixels } from "../src/core/detector.ts";
import { bundledDetector, parseDetectors } from "../src/core/detector.ts";
import type { Profile } from "../src/core/policy.ts";
import { profiles } from "../src/core/policy.ts";
import { fullRangePresets, yunetPresets } from "../src/core/presets.ts";
import type { Region } from "../src/core/region.ts";
import { openDetector } from "../src/engine/detectors.ts";
import type { Face, Outcome } from "./recall-measures.ts";
import { judge } from "./recall-measures.ts";

interface Picture {
  readonly path: string;
  readonly set: string;
  readonly faces: readonly Face[];
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    profile: { type: "string", multiple: true },
    "min-score": { type: "string" },
    detector: { type: "string", default: bundledDetector },
    models: { type: "string", default: "veil-data/models" },
  },
});
const [folder] = positionals;
if (folder === undefined) throw new Error("Expected a folder: node bench/recall.ts DIR [--profile P] [--min-score S]");

sharp.concurrency(1);
const stages = { decode: 0, resize: 0, network: 0, merge: 0 };
const setup = { detectors: parseDetectors(options.detector) ?? [], models: options.models };
const presets = options.detector.startsWith(bundledDetector) ? fullRangePresets : yunetPresets;
const detector = await openDetector(setup, { onStage: (stage, ms) => (stages[stage] += ms) });
const pictures = [...labelled(join(folder, "faces")), ...faceless(join(folder, "nofaces"))];
const chosen = profiles.filter((profile) => options.profile?.includes(profile) ?? true);
for (const profile of chosen) await measure(profile);

async function measure(profile: Profile): Promise<void> {
  const scores = options["min-score"]?.split(",").map(Number) ?? [presets.profiles[profile].minScore];
  const outcomes = new Map(scores.map((score) => [score, [] as { picture: Picture; outcome: Outcome }[]]));
  Object.assign(stages, { decode: 0, resize: 0, network: 0, merge: 0 });
  let cpuMs = 0;
  for (const picture of pictures) {
    const start = performance.now();
    const pixels = await decode(picture.path);
    stages.decode += performance.now() - start;
    const before = process.cpuUsage();
    const regions = await detector.detect(pixels, { profile, minScore: Math.min(...scores) });
    const { user, system } = process.cpuUsage(before);
    cpuMs += (user + system) / 1000;
    for (const score of scores)
      outcomes.get(score)!.push({ picture, outcome: judgeAt(score, picture, regions, pixels) });
  }
  const perImage = (ms: number) => (ms / pictures.length).toFixed(1);
  const wall = Object.entries(stages).map(([stage, ms]) => `${stage} ${perImage(ms)}`);
  console.log(`\n### ${profile}: ${perImage(cpuMs)} ms CPU an image (wall: ${wall.join(", ")})\n`);
  for (const [score, list] of outcomes) printTable(score, list);
}

function judgeAt(score: number, picture: Picture, regions: readonly Region[], pixels: Pixels): Outcome {
  const kept = regions.filter((region) => region.score >= score);
  return judge(picture.faces, kept, pixels.width, pixels.height);
}

function printTable(score: number, list: readonly { picture: Picture; outcome: Outcome }[]): void {
  const buckets = [0, 8, 16, 32, 64, Number.POSITIVE_INFINITY];
  const names = ["< 8 px", "8-16", "16-32", "32-64", ">= 64 px"];
  console.log(`score >= ${score}\n`);
  console.log(`| pictures | measure | all | ${names.join(" | ")} | false regions an image |`);
  console.log(`|---|---|---|${names.map(() => "---|").join("")}---|`);
  const sets = Map.groupBy(list, ({ picture }) => picture.set);
  for (const [set, members] of sets) {
    const faces = members.flatMap(({ outcome }) => outcome.faces);
    const groups = [
      faces,
      ...names.map((_, at) => faces.filter(({ height }) => height >= buckets[at]! && height < buckets[at + 1]!)),
    ];
    const wrong = members.reduce((sum, { outcome }) => sum + outcome.falseRegions, 0) / members.length;
    const percent = (hit: (face: (typeof faces)[number]) => boolean) =>
      groups.map((group) => (group.length === 0 ? "-" : ((100 * group.filter(hit).length) / group.length).toFixed(1)));
    const row = (measure: string, cells: readonly (string | number)[], last = "") =>
      console.log(`| ${set} (${members.length}) | ${measure} | ${cells.join(" | ")} | ${last} |`);
    row(
      "faces",
      groups.map((group) => group.length),
      wrong.toFixed(2),
    );
    if (faces.length === 0) continue;
    row(
      "R30 %",
      percent(({ matched }) => matched),
    );
    row(
      "COV %",
      percent(({ covered }) => covered),
    );
  }
  console.log("");
}

async function decode(path: string): Promise<Pixels> {
  const image = sharp(path).toColourspace("srgb").removeAlpha();
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`Expected three channels in ${path} but received ${info.channels}`);
  return { data, width: info.width, height: info.height, channels: 3 };
}

interface Truth {
  readonly file: string;
  readonly set: string;
  readonly faces: readonly { x: number; y: number; w: number; h: number; invalid?: number; wider?: string }[];
}

function labelled(place: string): Picture[] {
  return jsonLines<Truth>(join(place, "truth.jsonl")).map(({ file, set, faces }) => ({
    path: join(place, file),
    set,
    faces: faces.map(({ x, y, w, h, invalid, wider }) => ({
      box: { x, y, width: w, height: h },
      counts: invalid !== 1 && wider !== "ignore" && w > 0 && h > 0,
    })),
  }));
}

function faceless(place: string): Picture[] {
  const files = jsonLines<{ file: string }>(join(place, "index.jsonl"));
  return files.map(({ file }) => ({ path: join(place, file), set: "no faces", faces: [] }));
}

function jsonLines<T>(path: string): T[] {
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as T);
}
