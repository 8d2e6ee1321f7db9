import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { coverOfPicture } from "../core/cover.ts";
import type { Detector, Pixels } from "../core/detector.ts";
import type { Limits } from "../core/media.ts";
import type { Policy } from "../core/policy.ts";
import { type Box, iou, type Region } from "../core/region.ts";
import { decode } from "../engine/decode.ts";
import { type OpenPicture, openPicture } from "../engine/image-medium.ts";
import { Problem } from "../errors.ts";
import { coveredShare, leastCovered, maskedUpTo } from "./coverage.ts";
import { isVisible } from "./detail.ts";
import type { FoundPicture } from "./read-truth.ts";
import type { TrueFace } from "./true-picture.ts";
import { uprightBox } from "./upright.ts";

/** What became of one face that counts. */
export interface FaceOutcome {
  readonly face: TrueFace;
  /** In the upright picture. */
  readonly box: Box;
  readonly covered: number;
  readonly leaked: boolean;
  /** Up to which score threshold it is masked. */
  readonly maskedUpTo: number;
  /** Whether the output's pixels still show its detail; undefined where they can't tell. */
  readonly visible: boolean | undefined;
}

export interface PictureOutcome {
  readonly picture: FoundPicture;
  readonly faces: readonly FaceOutcome[];
  /** Regions that touch no labelled face, as rendered. */
  readonly falseRegions: number;
  /** The scores of such regions at the lowest threshold. */
  readonly falseScores: readonly number[];
  readonly regions: number;
  readonly pixels: number;
  /** Pixels that the masks change. */
  readonly changed: number;
  /** Pixels in labelled boxes. */
  readonly labelled: number;
  readonly cpuMs: { readonly detect: number; readonly whole: number };
}

/** The output of one picture, for whoever wants to show what leaked. */
export interface Rendered {
  readonly outcome: PictureOutcome;
  readonly masked: Pixels;
}

export interface MeasureOptions {
  readonly detector: Detector;
  readonly policy: Policy;
  /** The threshold at which `policy` masks; absent: there is no single one, and each picture is looked at twice. */
  readonly minScore?: number;
  /** Where the curve over thresholds begins. */
  readonly lowest: number;
  readonly limits: Limits;
  /** Owner-only folder for intermediate files. */
  readonly scratch: string;
}

/** Whether one detection at the lowest threshold may stand for the policy's own; found out on the first pictures. */
export interface Looks {
  together: boolean;
  /** Pictures that are still looked at twice. */
  checks: number;
}

/** Masks a picture as veil does and holds the result against its truth. Problems: those of decoding and rendering. */
export async function measurePicture(picture: FoundPicture, options: MeasureOptions, looks: Looks): Promise<Rendered> {
  const { policy, limits, scratch, detector } = options;
  const before = await decode({ path: picture.path }, limits, scratch);
  if (before.frames > 1)
    throw new Problem("unsupported", `Expected a still picture but received ${before.frames} frames`);

  const outPath = join(scratch, `${randomUUID()}.masked`);
  const clock = cpuClock();
  const opened = await openPicture(picture.path, { limits, scratch, detector });
  const opening = clock();
  const { regions, all, detecting } = await look(opened, options, looks);
  const rendering = cpuClock();
  let masked: Pixels;
  try {
    await opened.render(regions, policy, outPath);
    const rendered = rendering();
    masked = await decode({ path: outPath }, limits, scratch);
    const outcome = await judge(picture, { before, masked, regions, all }, options);
    const cpuMs = { detect: detecting, whole: opening + detecting + rendered };
    return { outcome: { ...outcome, cpuMs }, masked };
  } finally {
    await rm(outPath, { force: true });
  }
}

/** The regions as the policy wants them, and those at the lowest threshold. */
async function look(opened: OpenPicture, { policy, minScore, lowest }: MeasureOptions, looks: Looks) {
  // Without a second look: at a low threshold that would hold every picture.
  const low: Policy = { ...policy, minScore: lowest, verify: "off" };
  if (minScore !== undefined && looks.together && looks.checks <= 0) {
    const clock = cpuClock();
    const all = await opened.detect(low);
    return { all, regions: all.filter(({ score }) => score >= minScore), detecting: clock() };
  }
  const clock = cpuClock();
  const regions = await opened.detect(policy);
  const detecting = clock();
  const all = await opened.detect(low);
  const filtered = all.filter(({ score }) => score >= (minScore ?? 1));
  if (JSON.stringify(filtered) !== JSON.stringify(regions)) looks.together = false;
  if (all.length > 0) looks.checks--;
  return { all, regions, detecting };
}

interface Seen {
  readonly before: Pixels;
  readonly masked: Pixels;
  readonly regions: readonly Region[];
  readonly all: readonly Region[];
}

async function judge(
  picture: FoundPicture,
  { before, masked, regions, all }: Seen,
  { policy }: MeasureOptions,
): Promise<Omit<PictureOutcome, "cpuMs">> {
  const { width, height } = before;
  if (masked.width !== width || masked.height !== height) {
    throw new Problem(
      "internal",
      `Expected ${width}x${height} pixels of the output but received ${masked.width}x${masked.height}`,
    );
  }
  const cover = coverOfPicture(width, height, regions, policy);
  const faces = await uprightFaces(picture, before);
  const counted = faces.flatMap(({ face, box }) => {
    const covered = coveredShare(box, cover);
    return face.counts && covered !== undefined ? [{ face, box, covered }] : [];
  });
  const upTo = maskedUpTo(
    counted.map(({ box }) => box),
    all,
    before,
    policy,
  );
  const touchesNone = ({ box }: Region) => faces.every((face) => iou(face.box, box) === 0);
  return {
    picture,
    faces: counted.map((one, index) => {
      const visible = isVisible(before, masked, one.box);
      return { ...one, leaked: one.covered < leastCovered, maskedUpTo: upTo[index]!, visible };
    }),
    falseRegions: regions.filter(touchesNone).length,
    falseScores: all.filter(touchesNone).map(({ score }) => score),
    regions: regions.length,
    pixels: width * height,
    changed: cover.values.reduce((sum, value) => sum + (value > 0 ? 1 : 0), 0),
    labelled: areaOf(
      faces.map(({ box }) => box),
      width,
      height,
    ),
  };
}

/** The truth's boxes in the upright picture. Fails with invalid-request where the truth speaks of another size. */
async function uprightFaces({ path, file, where, faces, width, height }: FoundPicture, upright: Pixels) {
  const stored = await sharp(path).metadata();
  const known = width !== undefined && height !== undefined;
  const isStored = !known || (width === stored.width && height === stored.height);
  if (!isStored && !(width === upright.width && height === upright.height)) {
    const received = `${stored.width}x${stored.height}`;
    throw new Problem(
      "invalid-request",
      `${where}: ${file}: expected ${width}x${height} pixels but the picture has ${received}`,
    );
  }
  const orientation = isStored ? (stored.orientation ?? 1) : 1;
  return faces.map((face) => ({ face, box: uprightBox(face.box, orientation, stored.width, stored.height) }));
}

function areaOf(boxes: readonly Box[], width: number, height: number): number {
  const inBox = new Uint8Array(width * height);
  for (const box of boxes) {
    const [left, right] = [Math.max(0, Math.round(box.x)), Math.min(width, Math.round(box.x + box.width))];
    const bottom = Math.min(height, Math.round(box.y + box.height));
    for (let y = Math.max(0, Math.round(box.y)); y < bottom; y++)
      if (right > left) inBox.fill(1, y * width + left, y * width + right);
  }
  return inBox.reduce((sum, value) => sum + value, 0);
}

/** Milliseconds of this process on all cores since the start. */
function cpuClock(): () => number {
  const start = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };
}
