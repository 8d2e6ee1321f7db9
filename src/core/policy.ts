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

export const metadataPolicies = ["none", "keep-safe", "keep-safe-gps"] as const;
/** What of the original's metadata is written anew: nothing, time, camera and rights, or the place too. */
export type MetadataPolicy = (typeof metadataPolicies)[number];
export const verifications = ["off", "mask", "hold"] as const;
/**
 * A second look at the picture with what was found filled flat: a face that is seen now was missed, or not covered. It
 * is masked too; with `hold` nothing is written, and a person must look.
 */
export type Verification = (typeof verifications)[number];

export const implausibles = ["drop", "keep"] as const;
/** What becomes of regions whose shape or size no face has. */
export type Implausible = (typeof implausibles)[number];

/** What is looked for and how it is hidden. Two jobs with equal policies and models give equal bytes. */
export interface Policy {
  readonly profile: Profile;
  readonly style: Style;
  readonly strength: Strength;
  /** Detections below this score (0 to 1) are dropped; absent: the profile's measured default. */
  readonly minScore?: number;
  /** Quality of lossy output, 1 to 100. */
  readonly quality: number;
  /** Whether to look for heads that lie on their side or hang down; absent: as the profile does. */
  readonly turns?: boolean;
  /** Absent: dropped. */
  readonly implausible?: Implausible;
  /** Absent: off. */
  readonly verify?: Verification;
  /** Whether everything outside the masks must stay exactly as it was, or the file be refused; absent: no. */
  readonly lossless?: boolean;
  /** Absent: none. */
  readonly metadata?: MetadataPolicy;
  /** `cosmeticStatement`, or style `cosmetic` is refused; says nothing about other styles. */
  readonly cosmetic?: string;
}

export const defaultPolicy: Policy = { profile: "balanced", style: "blur", strength: "standard", quality: 90 };

/** What the absence of a field means: saying it makes no other policy. */
const absent: Partial<Policy> = { implausible: "drop", verify: "off", lossless: false, metadata: "none" };

/** Refuses style `cosmetic` to whoever does not say that it is no anonymisation: Problem not-anonymisation. */
export function requireStatement({ style, cosmetic }: Pick<Policy, "style" | "cosmetic">): void {
  if (style !== "cosmetic" || cosmetic === cosmeticStatement) return;
  throw new Problem(
    "not-anonymisation",
    `Expected the words "${cosmeticStatement}" beside style cosmetic but received ${cosmetic === undefined ? "nothing" : "other words"}`,
    { remedy: `Choose ${styles.join(", ")}; or set cosmetic (policy.cosmetic, --cosmetic) to those words.` },
  );
}

/** SHA-256 (hex) over the policy's fields; one that is absent counts for nothing, so a new field changes no old digest. */
export function policyDigest(policy: Policy): string {
  const { profile, style, strength, minScore = null, quality, ...others } = policy;
  const said = Object.entries(others).filter(
    ([name, value]) => value !== undefined && value !== absent[name as keyof Policy],
  );
  const fields = [profile, style, strength, minScore, quality, ...said.toSorted(([a], [b]) => (a < b ? -1 : 1))];
  return createHash("sha256").update(JSON.stringify(fields)).digest("hex");
}

/** For whoever only asks where faces are, to look at them: the second look's are among them, and nothing is held back. */
export function withoutHold(policy: Policy): Policy {
  return policy.verify === "hold" ? { ...policy, verify: "mask" } : policy;
}
