import { createHash } from "node:crypto";
import { Problem } from "../errors.ts";

/** Styles that anonymise. */
export const styles = ["blur", "pixelate", "solid"] as const;
/** With `cosmetic`: a plain Gaussian blur, out of which faces are recognised (docs/masks.md). */
export const allStyles = [...styles, "cosmetic"] as const;
export type Style = (typeof allStyles)[number];
/** What a policy must say, word by word, before `cosmetic` is used. */
export const cosmeticStatement = "this is not anonymisation";

export const strengths = ["standard", "strong", "maximum"] as const;
/** How far beyond the face a mask reaches, and how coarse it is. Every strength is irreversible. */
export type Strength = (typeof strengths)[number];

export const profiles = ["fast", "balanced", "thorough"] as const;
/** How much time detection may take: which passes run at which scales. */
export type Profile = (typeof profiles)[number];

/** What is looked for and how it is hidden. Two jobs with equal policies and models give equal bytes. */
export interface Policy {
  readonly profile: Profile;
  readonly style: Style;
  readonly strength: Strength;
  /** Detections below this score (0 to 1) are dropped; absent: the profile's measured default. */
  readonly minScore?: number;
  /** Quality of lossy output, 1 to 100. */
  readonly quality: number;
  /** `cosmeticStatement`, or style `cosmetic` is refused; says nothing about other styles. */
  readonly cosmetic?: string;
}

export const defaultPolicy: Policy = { profile: "balanced", style: "blur", strength: "standard", quality: 90 };

/** Refuses style `cosmetic` to whoever does not say that it is no anonymisation: Problem not-anonymisation. */
export function requireStatement({ style, cosmetic }: Pick<Policy, "style" | "cosmetic">): void {
  if (style !== "cosmetic" || cosmetic === cosmeticStatement) return;
  throw new Problem(
    "not-anonymisation",
    `Expected the words "${cosmeticStatement}" beside style cosmetic but received ${cosmetic === undefined ? "nothing" : "other words"}`,
    { remedy: `Choose ${styles.join(", ")}; or set cosmetic (policy.cosmetic, --cosmetic) to those words.` },
  );
}

/** SHA-256 (hex) over the policy's fields in a fixed order. */
export function policyDigest(policy: Policy): string {
  const fields = [policy.profile, policy.style, policy.strength, policy.minScore ?? null, policy.quality];
  return createHash("sha256").update(JSON.stringify(fields)).digest("hex");
}
