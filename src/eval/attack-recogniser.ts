import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { openNetwork } from "../engine/onnx.ts";
import { Tensor } from "../engine/onnx-runtime.ts";
import { Problem } from "../errors.ts";
import { alignedSide, unit } from "./attack-views.ts";

/** How a recogniser wants its pixels: (value - mean) / scale, and in which order the colours. */
export interface Normalisation {
  readonly mean: number;
  readonly scale: number;
  readonly bgr: boolean;
}

/** A face recogniser: a picture of a face in, a vector out whose angle tells people apart. */
export interface Recogniser {
  readonly name: string;
  /** From red, green and blue planes of 112 x 112 (0 to 255) to a vector of length 1. */
  readonly embed: (planes: Float32Array) => Promise<Float32Array>;
  readonly release: () => Promise<void>;
}

/** Opens an ONNX file of one picture [1,3,112,112] or [1,112,112,3] in, one vector out. Problems: invalid-request. */
export async function openRecogniser(path: string, { mean, scale, bgr }: Normalisation): Promise<Recogniser> {
  const session = await readFile(path)
    .then(openNetwork)
    .catch((cause: unknown) => {
      throw new Problem("invalid-request", `${path}: expected an ONNX recogniser but it could not be opened`, {
        cause,
        remedy: "Give the path of an .onnx file for 112 x 112 aligned faces.",
      });
    });
  const [input] = session.inputMetadata;
  const shape = input?.isTensor ? input.shape : [];
  const planar = shape[1] === 3 && shape[2] === alignedSide && shape[3] === alignedSide;
  if (!planar && !(shape[1] === alignedSide && shape[2] === alignedSide && shape[3] === 3)) {
    throw new Problem(
      "invalid-request",
      `${path}: expected an input of 1 x 3 x ${alignedSide} x ${alignedSide} or 1 x ${alignedSide} x ${alignedSide} x 3 but received ${shape.join(" x ")}`,
      { remedy: "Use a recogniser for aligned faces of 112 x 112." },
    );
  }
  const [inputName, outputName] = [session.inputNames[0]!, session.outputNames[0]!];
  return {
    name: basename(path, ".onnx"),
    async embed(planes) {
      const plane = alignedSide * alignedSide;
      const values = new Float32Array(3 * plane);
      for (let k = 0; k < 3; k++) {
        const from = (bgr ? 2 - k : k) * plane;
        for (let at = 0; at < plane; at++) {
          values[planar ? k * plane + at : 3 * at + k] = (planes[from + at]! - mean) / scale;
        }
      }
      const dims = planar ? [1, 3, alignedSide, alignedSide] : [1, alignedSide, alignedSide, 3];
      const output = (await session.run({ [inputName]: new Tensor("float32", values, dims) }))[outputName];
      if (!(output?.data instanceof Float32Array)) throw new TypeError("Expected the recogniser to answer with floats");
      return unit(output.data.slice());
    },
    release: () => session.release(),
  };
}
