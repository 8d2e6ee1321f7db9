import { calibrate, decodeCells } from "../core/full-range-decode.ts";
import { fullRangePresets } from "../core/presets.ts";
import type { FaceNetwork } from "./face-network.ts";
import { floatsOf, openNetwork } from "./onnx.ts";
import { Tensor } from "./onnx-runtime.ts";

/** Cells below this say nothing, not even together. */
const minCellScore = 0.1;

/** MediaPipe's Full Range face detector; `onnx` is what translateToOnnx made of the published file. */
export async function openFullRange(name: string, digest: string, onnx: Uint8Array): Promise<FaceNetwork> {
  const network = await openNetwork(onnx);
  return {
    name,
    digest,
    presets: fullRangePresets,
    // MediaPipe's own option.
    sameFace: 0.3,
    // Tiles of 768 overlap and still cost no more time than one large pass: the network's maps stay in the cache.
    maxTileSide: 768,
    tileMargin: 64,
    calibrate,
    async look({ data, width, height }, window) {
      const image = new Tensor("uint8", data, [1, height, width, 3]);
      const { scores, boxes } = await network.run({ image });
      const maps = { scores: floatsOf(scores), boxes: floatsOf(boxes), rows: height / 4, columns: width / 4 };
      return decodeCells(maps, window, minCellScore);
    },
  };
}
