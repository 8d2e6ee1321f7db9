import { Tensor } from "onnxruntime-node";
import type { Detector, Pixels } from "../core/detector.ts";
import type { Candidate } from "../core/full-range-decode.ts";
import { calibrate, decodeCells, place } from "../core/full-range-decode.ts";
import { mergePasses, suppress, unite } from "../core/merge.ts";
import { opaqueViews } from "../core/opaque.ts";
import type { Profile } from "../core/policy.ts";
import type { Region } from "../core/region.ts";
import type { Pass } from "../core/scales.ts";
import { defaultMinScore, passesFor } from "../core/scales.ts";
import type { Tile } from "../core/tiles.ts";
import { planTiles } from "../core/tiles.ts";
import type { LoadOptions } from "./models.ts";
import { fullRangeModel, loadOnnx } from "./models.ts";
import { openNetwork } from "./onnx.ts";
import type { Pyramid } from "./pyramid.ts";
import { createPyramid } from "./pyramid.ts";

export type Stage = "resize" | "network" | "merge";

export interface FullRangeOptions extends LoadOptions {
  /** Told how long each step took, for measurements. */
  readonly onStage?: (stage: Stage, ms: number) => void;
}

/** Cells below this say nothing, not even together. */
const minCellScore = 0.1;
/** Tiles of 768 overlap and still cost no more time than one large pass: the network's maps stay in the cache. */
const maxTileSide = 768;
const tileMargin = 64;

/**
 * MediaPipe's Full Range face detector over several scales of the picture. The box of a face that the border cuts
 * reaches past the border: clipped, its mask would be too small. Problems: model-missing, model-mismatch.
 */
export async function createFullRangeDetector(options: FullRangeOptions = {}): Promise<Detector> {
  const network = await openNetwork(await loadOnnx(fullRangeModel, options));

  async function timed<T>(stage: Stage, work: () => T | Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work();
    options.onStage?.(stage, performance.now() - start);
    return result;
  }

  async function look(picture: Pixels, profile: Profile): Promise<Candidate[]> {
    const pyramid = createPyramid(picture);
    const passes: Candidate[][] = [];
    for (const pass of passesFor(profile, picture.width, picture.height))
      passes.push(await run(pass, picture, pyramid));
    return timed("merge", () => mergePasses(passes));
  }

  async function run(pass: Pass, picture: Pixels, pyramid: Pyramid): Promise<Candidate[]> {
    const level = await timed("resize", () => pyramid.level(pass.width, pass.height));
    const cells: Candidate[] = [];
    for (const tile of planTiles(level.width, level.height, maxTileSide, tileMargin)) {
      const image = new Tensor("uint8", cut(level, tile), [1, tile.height, tile.width, 3]);
      const { scores, boxes } = await timed("network", () => network.run({ image }));
      const maps = { scores: floats(scores), boxes: floats(boxes), rows: tile.height / 4, columns: tile.width / 4 };
      for (const cell of decodeCells(maps, tile.keep, minCellScore)) cells.push(place(cell, 1, 1, tile.x, tile.y));
    }
    return timed("merge", () =>
      suppress(cells)
        .filter(({ box }) => box.height <= pass.maxFaceHeight)
        .map((face) => ({ ...face, box: calibrate(face.box) }))
        .map((face) => place(face, picture.width / level.width, picture.height / level.height)),
    );
  }

  return {
    name: fullRangeModel.name,
    digest: fullRangeModel.sha256,
    async detect(pixels, { profile, minScore = defaultMinScore[profile] }): Promise<readonly Region[]> {
      const views: Candidate[][] = [];
      for (const view of opaqueViews(pixels)) views.push(await look(view, profile));
      return unite(views)
        .filter(({ score }) => score >= minScore)
        .map((face) => ({ kind: "face", ...face }));
    },
  };
}

/** The tile's pixels; what lies outside the picture is black, as MediaPipe pads. */
function cut({ data, width, height }: Pixels, tile: Tile): Uint8Array {
  if (tile.width === width && tile.height === height) return data;
  const pixels = new Uint8Array(tile.width * tile.height * 3);
  const columns = Math.min(tile.width, width - tile.x);
  const rows = Math.min(tile.height, height - tile.y);
  for (let row = 0; row < rows; row++) {
    const from = ((tile.y + row) * width + tile.x) * 3;
    pixels.set(data.subarray(from, from + columns * 3), row * tile.width * 3);
  }
  return pixels;
}

function floats(tensor: { readonly data: unknown } | undefined): Float32Array {
  if (tensor?.data instanceof Float32Array) return tensor.data;
  throw new TypeError("Expected the network to answer with floats");
}
