import { z } from "zod";
import type { Policy } from "../core/policy.ts";
import type { Region } from "../core/region.ts";
import { Problem } from "../errors.ts";
import { boxSchema, type OptionsQuery, optionsSchema } from "./schema.ts";

/** The default policy with what a request asks for instead. */
export function policyFor(defaults: Policy, options: OptionsQuery): Policy {
  const minScore = options.min_score ?? defaults.minScore;
  return {
    profile: options.profile ?? defaults.profile,
    style: options.style ?? defaults.style,
    strength: options.strength ?? defaults.strength,
    quality: options.quality ?? defaults.quality,
    ...(minScore !== undefined && { minScore }),
  };
}

/** Options that came as form fields; those of the query string go before them. */
export function mergeFields(fields: Readonly<Record<string, string>>, query: OptionsQuery): OptionsQuery {
  const parsed = optionsSchema.safeParse(fields);
  if (!parsed.success)
    throw new Problem("invalid-request", z.prettifyError(parsed.error), { remedy: "See /api/docs." });
  return { ...parsed.data, ...query };
}

const boxesSchema = z.array(boxSchema).max(10_000);

/** The form field `regions`: a JSON array of boxes that replaces detection; undefined where it is absent. */
export function regionsOf(field: string | undefined): readonly Region[] | undefined {
  if (field === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(field);
  } catch (error) {
    throw new Problem("invalid-request", "Expected JSON for the field regions", { cause: error });
  }
  const boxes = boxesSchema.safeParse(value);
  if (!boxes.success) throw new Problem("invalid-request", `regions: ${z.prettifyError(boxes.error)}`);
  return boxes.data.map(drawn);
}

/** A box that a person drew, as a region. */
export function drawn(box: z.infer<typeof boxSchema>): Region {
  return { kind: "face", box, score: 1 };
}
