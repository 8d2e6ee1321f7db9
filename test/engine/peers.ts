import { cp, mkdir } from "node:fs/promises";
import type { DetectorName } from "../../src/core/detector.ts";
import { modelPath } from "../../src/engine/model-folder.ts";
import { modelEntry } from "../../src/engine/model-manifest.ts";
import { testData, withoutTestData } from "../fixtures/test-data.ts";

const published = {
  yunet: "peers/yunet_n_dynamic.onnx",
  scrfd: "peers/scrfd_2.5g_kps.onnx",
} as const satisfies Partial<Record<DetectorName, string>>;

type Published = keyof typeof published;

/** The published file of a model in the test data. */
export function publishedFile(name: Published): string {
  return testData(published[name]);
}

/** Why tests of these detectors can't run here; false where they can. */
export function withoutModels(...names: readonly Published[]): string | false {
  return withoutTestData(...names.map((name) => published[name]));
}

/** Puts the published models where veil looks for added ones. */
export async function addPublished(folder: string, ...names: readonly Published[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of names) await cp(publishedFile(name), modelPath(folder, modelEntry(name)));
}
