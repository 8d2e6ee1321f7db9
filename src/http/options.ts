import type { z } from "zod";
import { type Policy, requireStatement } from "../core/policy.ts";
import type { Region } from "../core/region.ts";
import { Problem } from "../errors.ts";
import { refusal } from "./faults.ts";
import { type GivenBox, givenBoxesSchema, type OptionsQuery } from "./schema.ts";

/** The default policy with what a request asks for instead. Problems: not-anonymisation. */
export function policyFor(defaults: Policy, options: OptionsQuery): Policy {
  const minScore = options.min_score ?? defaults.minScore;
  const cosmetic = options.cosmetic ?? defaults.cosmetic;
  const policy: Policy = {
    profile: options.profile ?? defaults.profile,
    style: options.style ?? defaults.style,
    strength: options.strength ?? defaults.strength,
    quality: options.quality ?? defaults.quality,
    ...(minScore !== undefined && { minScore }),
    ...(cosmetic !== undefined && { cosmetic }),
  };
  requireStatement(policy);
  return policy;
}

/** Options that came as form fields, which the schema must know; those of the query string go before them. */
export function mergeFields<T extends OptionsQuery>(
  schema: z.ZodType<T>,
  fields: Readonly<Record<string, string>>,
  query: T,
): T {
  const parsed = schema.safeParse(fields);
  if (!parsed.success) throw refusal(parsed.error, "form");
  return { ...parsed.data, ...query };
}

/** The form field `regions`: a JSON array of boxes that replaces detection; undefined where it is absent or empty. */
export function regionsOf(field: string | undefined): readonly Region[] | undefined {
  if (field === undefined || field === "") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(field);
  } catch (error) {
    throw new Problem("invalid-request", "Expected JSON for the field regions", { cause: error });
  }
  const boxes = givenBoxesSchema.safeParse(value);
  if (!boxes.success) throw refusal(boxes.error, "regions");
  return boxes.data.map(drawn);
}

/** A box that a person drew, as a region. */
export function drawn(box: GivenBox): Region {
  return { kind: "face", box, score: 1 };
}
