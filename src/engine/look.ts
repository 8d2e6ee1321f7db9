import type { Detector, Pixels } from "../core/detector.ts";
import { maskFrame } from "../core/mask.ts";
import type { Policy } from "../core/policy.ts";
import type { Region } from "../core/region.ts";
import { Problem } from "../errors.ts";

/**
 * The regions that a policy finds in one frame, with its second look. Fails with doubtful where that sees one more
 * face and the policy holds what is doubtful.
 */
export async function lookAt(frame: Pixels, detector: Detector, policy: Policy): Promise<readonly Region[]> {
  const { verify = "off", style: _, strength, quality: __, ...options } = policy;
  const regions = await detector.detect(frame, options);
  if (verify === "off") return regions;
  const filled = { ...frame, data: Uint8Array.from(frame.data) };
  // Flat, whatever the policy's style: a soft or coarse mask still looks like a head to a detector.
  maskFrame(filled, regions, { style: "solid", strength });
  const missed = await detector.detect(filled, options);
  if (verify === "hold" && missed.length > 0) {
    throw new Problem("doubtful", `A second look found ${missed.length} more than the ${regions.length} of the first`, {
      remedy: "Look at the picture yourself; with verify mask, what the second look finds is masked too.",
    });
  }
  return [...regions, ...missed];
}
