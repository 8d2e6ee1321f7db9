import { scrfdPresets } from "../core/presets.ts";
import { decodeHead, sidedBox } from "../core/strided-decode.ts";
import type { FaceNetwork } from "./face-network.ts";
import { floatsOf, openNetwork } from "./onnx.ts";
import { withPixelInput } from "./onnx-pixels.ts";
import { Tensor } from "./onnx-runtime.ts";

const minCellScore = 0.2;
const strides = [8, 16, 32] as const;

/** SCRFD 2.5g with keypoints, by InsightFace; `onnx` is a published file with two anchors a cell. */
export async function openScrfd(name: string, digest: string, onnx: Uint8Array): Promise<FaceNetwork> {
  const network = await openNetwork(
    withPixelInput(onnx, { input: "images", order: "rgb", mean: 127.5, scale: 1 / 128 }),
  );
  return {
    name,
    digest,
    presets: scrfdPresets,
    sameFace: 0.45,
    maxTileSide: 1408,
    tileMargin: 128,
    calibrate: (box) => box,
    async look({ data, width, height }, window) {
      const maps = await network.run({ image: new Tensor("uint8", data, [1, height, width, 3]) });
      return strides.flatMap((stride, index) => {
        const head = {
          stride,
          columns: width / stride,
          anchors: 2,
          scores: floatsOf(maps[`out${index}`]),
          boxes: floatsOf(maps[`out${index + 3}`]),
          points: floatsOf(maps[`out${index + 6}`]),
        };
        return decodeHead(head, window, minCellScore, sidedBox);
      });
    },
  };
}
