import { z } from "zod";
import { allStyles, implausibles, profiles, strengths, verifications } from "../core/policy.ts";
import { halves } from "./choose.ts";

const share = z.number().min(0).max(1);
const count = z.int().min(0);
const box = z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() }).readonly();
const milliseconds = z.object({ mean: z.number(), p95: z.number() }).readonly();

const slice = z
  .object({
    id: z.string(),
    dimension: z.string(),
    name: z.string(),
    faces: count,
    leaks: count,
    recall: share,
    lowerBound: share,
    upperBound: share,
    pixels: z.object({ judged: count, leakedVisible: count, maskedVisible: count }).readonly(),
  })
  .readonly();

/**
 * A leak-rate card as JSON. Within `veil-eval/1` fields are only ever added; docs/eval.md says what each one means.
 * Boxes are in pixels of the upright picture, times in milliseconds of processor time.
 */
export const cardSchema = z
  .object({
    schema: z.literal("veil-eval/1"),
    veil: z.string(),
    measuredAt: z.iso.datetime(),
    detector: z.object({ name: z.string(), digest: z.string() }).readonly(),
    policy: z
      .object({
        profile: z.enum(profiles),
        style: z.enum(allStyles),
        strength: z.enum(strengths),
        quality: z.number(),
        turns: z.boolean().optional(),
        implausible: z.enum(implausibles).optional(),
        verify: z.enum(verifications).optional(),
        lossless: z.boolean().optional(),
      })
      .readonly(),
    /** Null: several detectors, each from a score of its own. */
    minScore: share.nullable(),
    truth: z
      .object({
        files: z.array(z.object({ name: z.string(), sha256: z.string() }).readonly()).readonly(),
        sets: z.array(z.string()).readonly().optional(),
        half: z.enum(halves).optional(),
        limit: count.optional(),
        pictures: count,
        faces: count,
        facesNotCounted: count,
        notes: z.array(z.string()).readonly(),
      })
      .readonly(),
    notMeasured: z.array(z.object({ file: z.string(), code: z.string(), message: z.string() }).readonly()).readonly(),
    slices: z.array(slice).readonly(),
    falseRegions: z
      .array(z.object({ set: z.string(), pictures: count, regions: count, perPicture: z.number() }).readonly())
      .readonly(),
    area: z.object({ changedPerLabelled: z.number().nullable(), maskedShare: share }).readonly(),
    cpuMs: z.object({ detect: milliseconds, whole: milliseconds }).readonly(),
    curve: z
      .array(
        z
          .object({
            minScore: share,
            recall: z.object({ all: share, from16: share.nullable(), from32: share.nullable() }).readonly(),
            falseRegionsPerPicture: z.number(),
          })
          .readonly(),
      )
      .readonly(),
    worst: z
      .array(z.object({ file: z.string(), set: z.string(), box, covered: share, maskedUpTo: share }).readonly())
      .readonly(),
  })
  .readonly();

export type Card = z.output<typeof cardSchema>;
