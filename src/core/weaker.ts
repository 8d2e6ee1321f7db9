import { implausibles, metadataPolicies, type Policy, profiles, strengths, verifications } from "./policy.ts";
import { fullRangePresets, type Preset, scrfdPresets, yunetPresets } from "./presets.ts";

/**
 * In which ways the asked policy would mask less than the other, or keep more; none: it is at least as careful. Compared
 * is what a policy comes to, whether it says so or leaves it to its profile; where that is a detector's own, with each.
 */
export function weakerParts(asked: Policy, base: Policy): readonly string[] {
  return Object.values(rules).flatMap(({ name, isWeaker }) => (isWeaker(asked, base) ? [name] : []));
}

interface Rule {
  /** As the API calls it. */
  readonly name: string;
  isWeaker(asked: Policy, base: Policy): boolean;
}

/** Each field has one: a policy can't get another field that nobody has thought about here. */
const rules: Readonly<Record<keyof Policy, Rule>> = {
  style: { name: "style", isWeaker: (asked, base) => keptOf(asked) > keptOf(base) },
  strength: { name: "strength", isWeaker: isBelow(strengths, ({ strength }) => strength) },
  // With its own scores, which go with its passes: measured as one (docs/recall.md).
  profile: { name: "profile", isWeaker: isBelow(profiles, ({ profile }) => profile) },
  minScore: {
    name: "min_score",
    isWeaker: (asked, base) =>
      (asked.minScore !== undefined || base.minScore !== undefined) &&
      withAnyDetector(asked, base, (own, its) => (asked.minScore ?? own.minScore) > (base.minScore ?? its.minScore)),
  },
  turns: {
    name: "turns",
    isWeaker: (asked, base) =>
      withAnyDetector(asked, base, (own, its) => !(asked.turns ?? own.turns) && (base.turns ?? its.turns)),
  },
  implausible: { name: "implausible", isWeaker: isBelow(implausibles, ({ implausible = "drop" }) => implausible) },
  verify: { name: "verify", isWeaker: isBelow(verifications, ({ verify = "off" }) => verify) },
  metadata: { name: "metadata", isWeaker: isBelow(metadataPolicies.toReversed(), ({ metadata = "none" }) => metadata) },
  // How what lies outside the masks is written.
  quality: { name: "quality", isWeaker: () => false },
  lossless: { name: "lossless", isWeaker: () => false },
  // Means something beside the style alone.
  cosmetic: { name: "cosmetic", isWeaker: () => false },
};

function isBelow<T>(order: readonly T[], of: (policy: Policy) => T): Rule["isWeaker"] {
  return (asked, base) => order.indexOf(of(asked)) < order.indexOf(of(base));
}

/** What is left of a face under its mask: nothing, two bits of its brightness, or a blurred face (docs/masks.md). */
function keptOf({ style, strength }: Policy): number {
  if (style === "cosmetic") return 2;
  return style === "solid" || strength === "maximum" ? 0 : 1;
}

/** Whether it is so for the two policies' profiles as one of the detectors has them. */
function withAnyDetector(asked: Policy, base: Policy, isSo: (own: Preset, its: Preset) => boolean): boolean {
  const all = [fullRangePresets, yunetPresets, scrfdPresets];
  return all.some(({ profiles }) => isSo(profiles[asked.profile], profiles[base.profile]));
}
