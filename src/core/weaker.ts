import { type Policy, profiles, strengths, verifications } from "./policy.ts";

/** In which ways the asked policy would mask less than the other, or keep more; none: it is at least as careful. */
export function weakerParts(asked: Policy, base: Policy): readonly string[] {
  const below = <T>(order: readonly T[], one: T, other: T) => order.indexOf(one) < order.indexOf(other);
  const parts: Readonly<Record<string, boolean>> = {
    style: asked.style === "cosmetic" && base.style !== "cosmetic",
    strength: below(strengths, asked.strength, base.strength),
    profile: below(profiles, asked.profile, base.profile),
    // None asked for is the detector's own.
    min_score:
      (asked.minScore ?? 0) > (base.minScore ?? 0) || (asked.minScore === undefined) !== (base.minScore === undefined),
    turns: base.turns === true && asked.turns !== true,
    implausible: (base.implausible ?? "drop") === "keep" && (asked.implausible ?? "drop") === "drop",
    verify: below(verifications, asked.verify ?? "off", base.verify ?? "off"),
    metadata: (asked.metadata ?? "none") !== "none" && asked.metadata !== base.metadata,
  };
  return Object.entries(parts).flatMap(([name, isWeaker]) => (isWeaker ? [name] : []));
}
