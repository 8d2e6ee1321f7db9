import type { Candidate } from "../core/candidate.ts";
import { place } from "../core/candidate.ts";
import type { Detector, Pixels } from "../core/detector.ts";
import { mergePasses, suppress, unite } from "../core/merge.ts";
import { opaqueViews } from "../core/opaque.ts";
import { seamOf, unwrap } from "../core/panorama.ts";
import { isPlausible } from "../core/plausible.ts";
import type { Preset } from "../core/presets.ts";
import type { Pass, Plan } from "../core/scales.ts";
import { planFor } from "../core/scales.ts";
import type { Tile } from "../core/tiles.ts";
import { planTiles } from "../core/tiles.ts";
import { turnBack } from "../core/turn.ts";
import type { FaceNetwork } from "./face-network.ts";
import type { Pyramid } from "./pyramid.ts";
import { createPyramid } from "./pyramid.ts";

export type Stage = "resize" | "network" | "merge";

export interface ScanOptions {
  /** Told how long each step took, for measurements. */
  readonly onStage?: (stage: Stage, ms: number) => void;
}

type IsFace = (candidate: Candidate) => boolean;

/**
 * A detector that runs one network over the passes of a policy's profile and merges what they see. The box of a face
 * that the border cuts reaches past the border: clipped, its mask would be too small. On a panorama of 360 degrees a
 * face on the seam is found too, and given once at each end.
 */
export function createScan(network: FaceNetwork, { onStage }: ScanOptions = {}): Detector {
  async function timed<T>(stage: Stage, work: () => T | Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work();
    onStage?.(stage, performance.now() - start);
    return result;
  }

  /** The faces of an opaque picture. Passes of one turn confirm one another; of several turns the best counts. */
  async function look(picture: Pixels, { passes, trustIn }: Plan, isFace: IsFace): Promise<Candidate[]> {
    const pyramid = createPyramid(picture);
    const byTurn = new Map<number, Candidate[][]>();
    for (const pass of passes) {
      const found = byTurn.get(pass.turn) ?? [];
      // Before anything is merged: a face must not go down with a strip or a giant that it happens to lie under.
      byTurn.set(pass.turn, [...found, (await run(pass, picture, pyramid)).filter(isFace)]);
    }
    return timed("merge", () => {
      const upright = (byTurn.get(0) ?? []).length > 0 ? mergePasses(byTurn.get(0)!) : [];
      const trusted = upright.map((face) => ({ ...face, score: 1 - (1 - face.score) ** trustIn(face.box.height) }));
      byTurn.delete(0);
      return unite([trusted, ...byTurn.values().map(mergePasses)]);
    });
  }

  async function run(pass: Pass, picture: Pixels, pyramid: Pyramid): Promise<Candidate[]> {
    const level = await timed("resize", () => pyramid.level(pass.width, pass.height));
    const seen = await timed("resize", () => pyramid.turned(level, pass.turn));
    const cells: Candidate[] = [];
    for (const tile of planTiles(seen.width, seen.height, network.maxTileSide, network.tileMargin)) {
      const found = await timed("network", () => network.look(cut(seen, tile), tile.keep));
      for (const cell of found) cells.push(place(cell, 1, 1, tile.x, tile.y));
    }
    return timed("merge", () =>
      suppress(cells, network.sameFace)
        .filter(({ box }) => box.height >= pass.minFaceHeight && box.height <= pass.maxFaceHeight)
        .map((face) => turnBack({ ...face, box: network.calibrate(face.box) }, pass.turn, level.width, level.height))
        .map((face) => place(face, picture.width / level.width, picture.height / level.height)),
    );
  }

  async function lookAround(picture: Pixels, preset: Preset, turns: boolean, isFace: IsFace): Promise<Candidate[]> {
    const { width, height } = picture;
    const plan = planFor(network.presets, preset, width, height, turns);
    const faces = await look(picture, plan, isFace);
    const seam = seamOf(picture);
    if (seam === undefined) return faces;
    // At the picture's own scales: the strip is narrower, and its own rows would enlarge it.
    const scale = seam.width / width;
    const passes = plan.passes.map((pass) => ({ ...pass, width: Math.max(1, Math.round(pass.width * scale)) }));
    return [...faces, ...unwrap(await look(seam, { ...plan, passes }, isFace), seam.width, width)];
  }

  return {
    name: network.name,
    digest: network.digest,
    async detect(pixels, { profile, minScore, turns, implausible = "drop" }) {
      const preset = network.presets.profiles[profile];
      const least = minScore ?? preset.minScore;
      const isFace: IsFace = ({ box }) => implausible === "keep" || isPlausible(box, pixels);
      const views: Candidate[][] = [];
      for (const view of opaqueViews(pixels)) views.push(await lookAround(view, preset, turns ?? preset.turns, isFace));
      return unite(views)
        .filter(({ score }) => score >= least)
        .map((face) => ({ kind: "face", ...face }));
    },
  };
}

/** The tile's pixels; what lies outside the picture is black, as the networks' own code pads. */
function cut({ data, width, height }: Pixels, tile: Tile): Pixels {
  if (tile.width === width && tile.height === height) return { data, width, height, channels: 3 };
  const pixels = new Uint8Array(tile.width * tile.height * 3);
  const columns = Math.min(tile.width, width - tile.x);
  const rows = Math.min(tile.height, height - tile.y);
  for (let row = 0; row < rows; row++) {
    const from = ((tile.y + row) * width + tile.x) * 3;
    pixels.set(data.subarray(from, from + columns * 3), row * tile.width * 3);
  }
  return { data: pixels, width: tile.width, height: tile.height, channels: 3 };
}
