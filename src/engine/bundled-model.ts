import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Problem } from "../errors.ts";
import { sha256 } from "./model-folder.ts";
import { modelEntry } from "./model-manifest.ts";
import { readTflite } from "./tflite.ts";
import { translateToOnnx } from "./tflite-to-onnx.ts";

/** A model that a package ships as tflite: where, what the file must be, and what its translation must be. */
export interface BundledModel {
  readonly name: string;
  readonly package: string;
  readonly file: string;
  /** SHA-256 (hex) of the published file: the model's identity in ledgers and job ids. */
  readonly sha256: string;
  /** SHA-256 (hex) of the ONNX that translateToOnnx makes of it; a change of the translator changes it. */
  readonly onnxSha256: string;
}

export const fullRangeModel: BundledModel = {
  name: "mediapipe-full-range",
  package: "@mediapipe/face_detection",
  file: "face_detection_full_range.tflite",
  sha256: modelEntry("mediapipe-full-range").sha256,
  onnxSha256: "524095dbbe45a02b69d64a0c961b6b84bd1532c9978bbe3ea2fff1f22b4c6310",
};

/**
 * The model as ONNX, each byte as pinned, translated in about 20 ms; `modelFile`: another one than in the installed
 * package. Problems: model-missing, model-mismatch.
 */
export async function loadOnnx(
  model: BundledModel,
  { modelFile }: { readonly modelFile?: string } = {},
): Promise<Uint8Array> {
  const tflite = await readModel(model, modelFile ?? bundledFile(model));
  const onnx = translateToOnnx(readTflite(tflite));
  if (sha256(onnx) !== model.onnxSha256) {
    throw mismatch(`the translation of ${model.file}`, model.onnxSha256, sha256(onnx));
  }
  return onnx;
}

async function readModel(model: BundledModel, path: string): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw missing(path, cause);
  });
  if (sha256(bytes) !== model.sha256) throw mismatch(path, model.sha256, sha256(bytes));
  return bytes;
}

function bundledFile(model: BundledModel): string {
  try {
    const manifest = createRequire(import.meta.url).resolve(`${model.package}/package.json`);
    return join(dirname(manifest), model.file);
  } catch (cause) {
    throw missing(`${model.file} of the package ${model.package}`, cause);
  }
}

function missing(what: string, cause: unknown): Problem {
  return new Problem("model-missing", `Expected the model ${what} but it can't be read`, {
    remedy: "Install the dependencies again: npm ci",
    cause,
  });
}

function mismatch(what: string, expected: string, received: string): Problem {
  return new Problem("model-mismatch", `Expected SHA-256 ${expected} for ${what} but received ${received}`, {
    remedy: "Install the dependencies again: npm ci",
  });
}
