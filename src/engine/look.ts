import type { Detector, Pixels } from "../core/detector.ts";
import type { KeptRegions } from "../core/kept-regions.ts";
import { maskFrame } from "../core/mask.ts";
import type { Policy } from "../core/policy.ts";

/** The regions that a policy finds in one frame, and what its second look finds besides. */
export async function lookAt(frame: Pixels, detector: Detector, policy: Policy): Promise<KeptRegions> {
  const { verify = "off", style: _, strength, quality: __, ...options } = policy;
  const first = await detector.detect(frame, options);
  if (verify === "off") return { first, second: [] };
  const filled = { ...frame, data: Uint8Array.from(frame.data) };
  // Flat, whatever the policy's style: a soft or coarse mask still looks like a head to a detector.
  maskFrame(filled, first, { style: "solid", strength });
  return { first, second: await detector.detect(filled, options) };
}
