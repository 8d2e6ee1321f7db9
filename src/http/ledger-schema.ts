import { z } from "zod";

const timeSchema = z.iso.datetime({ offset: true });

export const recordsQuerySchema = z
  .object({
    from: z.coerce.number().int().min(0).default(0).describe("Position in the chain to begin at"),
    limit: z.coerce.number().int().min(1).max(500).default(100),
    path: z.string().min(1).optional().describe("Name of an original; with `*`, `?` or `[` a pattern"),
    digest: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional()
      .describe("SHA-256 of an original or of a result"),
    since: timeSchema.optional().describe("ISO 8601: from then on"),
    until: timeSchema.optional().describe("ISO 8601: before then"),
    outcome: z.string().min(1).optional().describe("For example done, dead, viewed; several with commas between"),
  })
  .strict();

export const recordsResponseSchema = z.object({
  records: z.array(z.looseObject({ position: z.number().int(), type: z.string() })),
  next: z.number().int().nullable().describe("`from` of the next page; null: there is none yet"),
});
