import { yunetPresets } from "../core/presets.ts";
import { centredBox, decodeHead } from "../core/strided-decode.ts";
import type { FaceNetwork } from "./face-network.ts";
import { floatsOf, openNetwork } from "./onnx.ts";
import { withPixelInput } from "./onnx-pixels.ts";
import { Tensor } from "./onnx-runtime.ts";

/** Cells below this say nothing, not even together. */
const minCellScore = 0.2;
const strides = [8, 16, 32] as const;

/** YuNet, by Shiqi Yu and others; `onnx` is the published file. */
export async function openYunet(name: string, digest: string, onnx: Uint8Array): Promise<FaceNetwork> {
  const network = await openNetwork(withPixelInput(onnx, { input: "input", order: "bgr" }));
  return {
    name,
    digest,
    presets: yunetPresets,
    sameFace: 0.45,
    maxTileSide: 1408,
    tileMargin: 128,
    // Trained on WIDER FACE's own boxes.
    calibrate: (box) => box,
    async look({ data, width, height }, window) {
      const maps = await network.run({ image: new Tensor("uint8", data, [1, height, width, 3]) });
      return strides.flatMap((stride) => {
        const head = {
          stride,
          columns: width / stride,
          anchors: 1,
          scores: scoresOf(floatsOf(maps[`cls_${stride}`]), floatsOf(maps[`obj_${stride}`])),
          boxes: floatsOf(maps[`bbox_${stride}`]),
          points: floatsOf(maps[`kps_${stride}`]),
        };
        return decodeHead(head, window, minCellScore, centredBox);
      });
    },
  };
}

/** The geometric mean of what says "a face" and what says "an object", each from 0 to 1: in place of the first. */
function scoresOf(faces: Float32Array, objects: Float32Array): Float32Array {
  for (let cell = 0; cell < faces.length; cell++) faces[cell] = Math.sqrt(faces[cell]! * objects[cell]!);
  return faces;
}
