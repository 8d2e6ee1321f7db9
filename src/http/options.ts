import type { z } from "zod";
import { type Policy, requireStatement } from "../core/policy.ts";
import type { Region } from "../core/region.ts";
import { Problem } from "../errors.ts";
import { refusal } from "./faults.ts";
import {
  anonymizeQuerySchema,
  type DecidedRegion,
  type GivenBox,
  givenBoxesSchema,
  type OptionsQuery,
} from "./schema.ts";

/** The default policy with what a request asks for instead. Problems: not-anonymisation. */
export function policyFor(defaults: Policy, options: OptionsQuery): Policy {
  const {
    profile,
    style,
    strength,
    quality,
    min_score: minScore,
    turns,
    implausible,
    verify,
    lossless,
    metadata,
    cosmetic,
  } = options;
  const policy: Policy = {
    ...defaults,
    ...withoutAbsent({ profile, style, strength, quality, minScore }),
    ...withoutAbsent({ turns, implausible, verify, lossless, metadata, cosmetic }),
  };
  requireStatement(policy);
  return policy;
}

/** The fields that are there. */
function withoutAbsent<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

/** Options that came as form fields, which the schema must know; empty ones say nothing, those of the query go before. */
export function mergeFields<T extends OptionsQuery>(
  schema: z.ZodType<T>,
  fields: Readonly<Record<string, string>>,
  query: T,
): T {
  const said = Object.entries(fields).filter(
    ([name, value]) => value !== "" || !Object.hasOwn(anonymizeQuerySchema.shape, name),
  );
  const parsed = schema.safeParse(Object.fromEntries(said));
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

/** A region that a person decided on. */
export function decidedRegion({ kind = "face", box, keypoints, frame }: DecidedRegion): Region {
  return { kind, box, score: 1, ...(keypoints && { keypoints }), ...(frame !== undefined && { frame }) };
}

/** A box that a person drew, or left as it was found, as a region. */
export function drawn({ keypoints, ...box }: GivenBox): Region {
  return { kind: "face", box, score: 1, ...(keypoints && { keypoints }) };
}
