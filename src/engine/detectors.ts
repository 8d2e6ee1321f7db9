import { createHash } from "node:crypto";
import type { Detector, DetectorName } from "../core/detector.ts";
import { unite } from "../core/merge.ts";
import { fullRangeModel, loadOnnx } from "./bundled-model.ts";
import type { FaceNetwork } from "./face-network.ts";
import { openFullRange } from "./full-range.ts";
import { readAddedModel } from "./model-folder.ts";
import { modelEntry } from "./model-manifest.ts";
import { createScan, type ScanOptions } from "./scan.ts";
import { openScrfd } from "./scrfd.ts";
import { openYunet } from "./yunet.ts";

/** Which detectors, and where their models are. */
export interface DetectorSetup {
  readonly detectors: readonly DetectorName[];
  /** Folder of the models that were added. */
  readonly models?: string;
}

/** The detector of a configuration, of one network or of several. Problems: model-missing, model-mismatch. */
export async function openDetector(setup: DetectorSetup, options: ScanOptions = {}): Promise<Detector> {
  const detectors: Detector[] = [];
  for (const name of setup.detectors) detectors.push(createScan(await openFaceNetwork(name, setup), options));
  return detectors.length === 1 ? detectors[0]! : combine(detectors);
}

/** One detector's network. Problems: model-missing, model-mismatch. */
export async function openFaceNetwork(
  name: DetectorName,
  { models }: Omit<DetectorSetup, "detectors">,
): Promise<FaceNetwork> {
  const entry = modelEntry(name);
  switch (name) {
    case "mediapipe-full-range":
      return openFullRange(name, entry.sha256, await loadOnnx(fullRangeModel));
    case "yunet":
      return openYunet(name, entry.sha256, await readAddedModel(models, entry));
    case "scrfd":
      return openScrfd(name, entry.sha256, await readAddedModel(models, entry));
  }
}

/** Detectors that look one after the other; a face counts once, as the one sees it that is surest. */
function combine(detectors: readonly Detector[]): Detector {
  const digests = detectors.map(({ digest }) => digest).join("");
  return {
    name: detectors.map(({ name }) => name).join("+"),
    digest: createHash("sha256").update(digests).digest("hex"),
    async detect(pixels, options) {
      const lists = [];
      for (const detector of detectors) {
        const regions = await detector.detect(pixels, options);
        lists.push(regions.map((region) => ({ ...region, keypoints: region.keypoints ?? [] })));
      }
      return unite(lists);
    },
  };
}
