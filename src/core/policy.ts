import { createHash } from "node:crypto";

export const styles = ["blur", "pixelate", "solid"] as const;
export type Style = (typeof styles)[number];

export const strengths = ["standard", "strong", "maximum"] as const;
/** How far beyond the face a mask reaches, and how coarse it is. Every strength is irreversible. */
export type Strength = (typeof strengths)[number];

export const profiles = ["fast", "balanced", "thorough"] as const;
/** How much time detection may take: which passes run at which scales. */
export type Profile = (typeof profiles)[number];

export const metadataPolicies = ["none", "keep-safe", "keep-safe-gps"] as const;
/** What of the original's metadata is written anew: nothing, time, camera and rights, or the place too. */
export type MetadataPolicy = (typeof metadataPolicies)[number];

/** What is looked for and how it is hidden. Two jobs with equal policies and models give equal bytes. */
export interface Policy {
  readonly profile: Profile;
  readonly style: Style;
  readonly strength: Strength;
  /** Detections below this score (0 to 1) are dropped; absent: the profile's measured default. */
  readonly minScore?: number;
  /** Quality of lossy output, 1 to 100. */
  readonly quality: number;
  /** Absent: none. */
  readonly metadata?: MetadataPolicy;
}

export const defaultPolicy: Policy = {
  profile: "balanced",
  style: "blur",
  strength: "standard",
  quality: 90,
  metadata: "none",
};

/** SHA-256 (hex) over the policy's fields in a fixed order. */
export function policyDigest(policy: Policy): string {
  const { metadata = "none" } = policy;
  const { profile, style, strength, minScore = null, quality } = policy;
  // Nothing is added for `none`, so that what was done before there was a choice counts as done.
  const fields = [profile, style, strength, minScore, quality, ...(metadata === "none" ? [] : [metadata])];
  return createHash("sha256").update(JSON.stringify(fields)).digest("hex");
}
