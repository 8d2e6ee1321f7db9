import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { policySchema } from "../../src/config/policy-settings.ts";
import { defaultPolicy, type Policy, profiles } from "../../src/core/policy.ts";
import { fullRangePresets, type Presets, scrfdPresets, yunetPresets } from "../../src/core/presets.ts";
import { planFor } from "../../src/core/scales.ts";
import { weakerParts } from "../../src/core/weaker.ts";

const detectors = [fullRangePresets, yunetPresets, scrfdPresets];

/** What each field may say; `undefined`: nothing. */
const values: { readonly [K in keyof Required<Policy>]: readonly Policy[K][] } = {
  style: ["blur", "pixelate", "solid", "cosmetic"],
  strength: ["standard", "strong", "maximum"],
  profile: profiles,
  minScore: [undefined, 0.1, 0.31, 0.5, 0.62, 1],
  turns: [undefined, false, true],
  implausible: [undefined, "drop", "keep"],
  verify: [undefined, "off", "mask", "hold"],
  metadata: [undefined, "none", "keep-safe", "keep-safe-gps"],
  quality: [1, 90, 100],
  lossless: [undefined, false, true],
  cosmetic: [undefined, "this is not anonymisation"],
};

/** How carefully a policy masks in one respect, as the engine reads it: more is more careful. */
type Measure = (policy: Policy, presets: Presets) => number;

const measures: Readonly<Record<string, Measure>> = {
  "what is left under a mask": ({ style, strength }) => {
    if (style === "cosmetic") return -2;
    return style === "solid" || strength === "maximum" ? 0 : -1;
  },
  "how far a mask reaches": ({ strength }) => values.strength.indexOf(strength),
  "how long is looked": ({ profile }) => profiles.indexOf(profile),
  "lying heads": ({ profile, turns }, presets) => {
    const preset = presets.profiles[profile];
    const { passes } = planFor(presets, preset, 1200, 900, turns ?? preset.turns);
    return Number(passes.some(({ turn }) => turn !== 0));
  },
  "odd shapes": ({ implausible }) => Number(implausible === "keep"),
  "the second look": ({ verify = "off" }) => ["off", "mask", "hold"].indexOf(verify),
  "metadata that goes": ({ metadata = "none" }) => ["keep-safe-gps", "keep-safe", "none"].indexOf(metadata),
};

/** With a score named on one side, both are compared; with none on either, the profile's own goes with its passes. */
function isLessSure(asked: Policy, base: Policy, { profiles: own }: Presets): boolean {
  if (asked.minScore === undefined && base.minScore === undefined) return false;
  return (asked.minScore ?? own[asked.profile].minScore) > (base.minScore ?? own[base.profile].minScore);
}

function masksLess(asked: Policy, base: Policy): boolean {
  return detectors.some(
    (presets) =>
      isLessSure(asked, base, presets) || Object.values(measures).some((of) => of(asked, presets) < of(base, presets)),
  );
}

/** All policies that differ from the default one in these fields. */
function policiesOf(fields: readonly (keyof Policy)[]): readonly Policy[] {
  return fields.reduce<readonly Policy[]>(
    (policies, field) =>
      policies.flatMap((policy) =>
        values[field].map((value) => {
          const { [field]: _, ...others } = policy;
          return { ...others, ...(value !== undefined && { [field]: value }) } as Policy;
        }),
      ),
    [defaultPolicy],
  );
}

const told = (policy: Policy) => JSON.stringify(policy);

describe("a policy that is asked for in place of another", () => {
  test("is let through only where it comes to masking no less, in any two fields at once and any profile", () => {
    const fields = Object.keys(values) as (keyof Policy)[];
    assert.deepEqual(
      fields.toSorted(),
      Object.keys(policySchema.shape).toSorted(),
      "a field of which nothing is tried",
    );
    let [refused, passed] = [0, 0];
    for (const [index, one] of fields.entries()) {
      for (const another of fields.slice(index + 1)) {
        const policies = policiesOf([...new Set<keyof Policy>(["profile", one, another])]);
        for (const asked of policies) {
          for (const base of policies) {
            const isRefused = weakerParts(asked, base).length > 0;
            if (isRefused !== masksLess(asked, base)) {
              assert.fail(`${told(asked)} in place of ${told(base)} was ${isRefused ? "refused" : "let through"}`);
            }
            if (isRefused) refused++;
            else passed++;
          }
        }
      }
    }
    assert.ok(refused > 10_000 && passed > 10_000, `${refused} refused, ${passed} let through`);
  });

  test("does not turn off what the other one's profile does without saying so", () => {
    const thorough: Policy = { ...defaultPolicy, profile: "thorough" };
    assert.deepEqual(weakerParts({ ...thorough, turns: false }, thorough), ["turns"]);
    assert.deepEqual(weakerParts(thorough, { ...thorough, turns: true }), []);
    assert.deepEqual(weakerParts({ ...defaultPolicy, minScore: 0.9 }, defaultPolicy), ["min_score"]);
    assert.deepEqual(weakerParts({ ...defaultPolicy, minScore: 0.2 }, defaultPolicy), []);
  });

  test("leaves under a mask, and of the metadata, no more than the other", () => {
    const solid: Policy = { ...defaultPolicy, style: "solid" };
    assert.deepEqual(weakerParts(defaultPolicy, solid), ["style"]);
    assert.deepEqual(weakerParts({ ...defaultPolicy, strength: "maximum" }, solid), []);
    const placed: Policy = { ...defaultPolicy, metadata: "keep-safe-gps" };
    assert.deepEqual(weakerParts({ ...placed, metadata: "keep-safe" }, placed), []);
    assert.deepEqual(weakerParts(placed, { ...placed, metadata: "keep-safe" }), ["metadata"]);
  });
});
