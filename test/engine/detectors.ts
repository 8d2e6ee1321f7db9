import type { Detector } from "../../src/core/detector.ts";
import { type DetectorSetup, openDetector } from "../../src/engine/detectors.ts";

/** The detector that comes with veil. */
export const bundled: DetectorSetup = { detectors: ["mediapipe-full-range"] };

/** Opens it in this process. */
export function openBundled(): Promise<Detector> {
  return openDetector(bundled);
}
