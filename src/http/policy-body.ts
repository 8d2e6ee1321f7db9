import type { Policy } from "../core/policy.ts";
import type { PolicyBody } from "./schema.ts";

/** A policy as the API shows it: every field, what is absent as what it means. */
export function policyBody({
  minScore,
  turns,
  implausible,
  verify,
  lossless,
  metadata,
  cosmetic: _,
  ...policy
}: Policy): PolicyBody {
  return {
    ...policy,
    min_score: minScore ?? null,
    turns: turns ?? null,
    implausible: implausible ?? "drop",
    verify: verify ?? "off",
    lossless: lossless ?? false,
    metadata: metadata ?? "none",
  };
}
