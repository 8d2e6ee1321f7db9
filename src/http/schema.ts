import { z } from "zod";
import { jobStates } from "../core/job.ts";
import {
  allStyles,
  cosmeticStatement,
  implausibles,
  metadataPolicies,
  profiles,
  strengths,
  verifications,
} from "../core/policy.ts";

/** RFC 9457, with a stable code and what to do. */
export const problemSchema = z.object({
  type: z.string().describe("urn:veil:problem:CODE"),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.string().describe("Stable; one of the codes in docs/errors.md"),
  remedy: z.string().optional().describe("What to do about it"),
});
export type ProblemBody = z.infer<typeof problemSchema>;

export const boxSchema = z.object({
  x: z.number().describe("Left edge, pixels of the upright picture"),
  y: z.number().describe("Top edge, pixels of the upright picture"),
  width: z.number().positive(),
  height: z.number().positive(),
});

/** Boxes in one request. */
const maxBoxes = 10_000;

const keypointsSchema = z
  .array(z.object({ x: z.number(), y: z.number() }))
  .max(6)
  .optional()
  .describe(
    "As found, or absent: right eye, left eye, nose tip, mouth, ears; with them a head that lies over is masked so",
  );

const givenBoxSchema = boxSchema.extend({ keypoints: keypointsSchema }).strict();
export type GivenBox = z.infer<typeof givenBoxSchema>;

/** The boxes that a request gives. Their number is looked at first: a million of them would keep the service busy. */
export const givenBoxesSchema = z.preprocess((value, context) => {
  if (!Array.isArray(value) || value.length <= maxBoxes) return value;
  context.addIssue(`Expected at most ${maxBoxes} boxes but received ${value.length}`);
  return z.NEVER;
}, z.array(givenBoxSchema).max(maxBoxes));

export const regionSchema = z.object({
  kind: z.enum(["face", "text", "plate"]),
  box: boxSchema,
  score: z.number().min(0).max(1).describe("1 for what a person drew"),
  keypoints: keypointsSchema,
  frame: z.number().int().optional().describe("Zero-based frame of an animation; absent: the only or every frame"),
});
export type RegionBody = z.infer<typeof regionSchema>;

export const looks = ["first", "second"] as const;

export const reviewRegionSchema = regionSchema.extend({
  look: z.enum(looks).describe("Which look found it; of a decision always first"),
});
export type ReviewRegion = z.infer<typeof reviewRegionSchema>;

const decidedRegionSchema = z.strictObject({
  ...reviewRegionSchema.partial().shape,
  box: boxSchema.strict(),
});

/** The regions that a person decides on: as a review shows them, or boxes alone. Their number is looked at first. */
export const decidedRegionsSchema = z.preprocess((value, context) => {
  if (!Array.isArray(value)) return value;
  if (value.length <= maxBoxes) return value.map(asRegion);
  context.addIssue(`Expected at most ${maxBoxes} regions but received ${value.length}`);
  return z.NEVER;
}, z.array(decidedRegionSchema).max(maxBoxes));
export type DecidedRegion = z.infer<typeof decidedRegionSchema>;

/** A box as requests for masking give it is a region too. */
function asRegion(value: unknown): unknown {
  if (value === null || typeof value !== "object" || "box" in value) return value;
  const { x, y, width, height, ...rest } = value as Record<string, unknown>;
  return { ...rest, box: { x, y, width, height } };
}

/** In a query or a form true, false, 1 or 0; in JSON true or false. */
const choice = z
  .stringbool({ truthy: ["true", "1"], falsy: ["false", "0"] })
  .or(z.boolean())
  .optional();

/**
 * The options of a request, in the query string or as form fields of the same names. Like every request, it may hold
 * nothing else: what veil would ignore could be a face that somebody meant to have masked.
 */
export const optionsSchema = z.strictObject({
  style: z
    .enum(allStyles)
    .optional()
    .describe("blur (default), pixelate or solid, none of which can be undone; or cosmetic, which is no anonymisation"),
  strength: z.enum(strengths).optional().describe("How far beyond the face the mask reaches"),
  profile: z.enum(profiles).optional().describe("How much time detection may take"),
  min_score: z.coerce.number().min(0).max(1).optional().describe("Detections below it are dropped"),
  quality: z.coerce.number().int().min(1).max(100).optional().describe("Quality of lossy output"),
  turns: choice.describe("true: look for heads that lie on their side or hang down too"),
  implausible: z
    .enum(implausibles)
    .optional()
    .describe("Regions whose shape or size no face has: drop (default) or keep"),
  verify: z.enum(verifications).optional().describe("A second look: mask or hold what it finds"),
  lossless: choice.describe("true: all outside the masks stays exactly as it was, or the picture is refused"),
  metadata: z
    .enum(metadataPolicies)
    .optional()
    .describe("What of the original's metadata is written anew: none (default), keep-safe or keep-safe-gps"),
  cosmetic: z
    .enum([cosmeticStatement])
    .optional()
    .describe("Style cosmetic is refused without these words, here or in the service's settings"),
});
export type OptionsQuery = z.infer<typeof optionsSchema>;

const flag = z.enum(["0", "1"]).optional();

export const batchQuerySchema = optionsSchema.extend({
  detail: flag.describe("1: JSON with regions and problem instead of the bare picture"),
});

export const anonymizeQuerySchema = batchQuerySchema.extend({
  preview: flag.describe("1, with detail=1: small JPEGs too, for a browser that can't show the format (TIFF, HEIC)"),
});

/** A picture's file. */
export const pictureSchema = z.file().describe("The picture's file");

/**
 * Forms as a person is told about them; the handlers read them part by part. An empty field says nothing, and that is
 * each one's sample: the API's page fills forms with them, and a `min_score` of 1 would mask nothing.
 */
function fieldsOf(shape: Readonly<Record<string, z.ZodType>>): Record<string, z.ZodType> {
  return Object.fromEntries(
    Object.entries(shape).map(([name, field]) => [name, field.meta({ ...field.meta(), examples: [""] })]),
  );
}
export const imageFormSchema = z.object({ image: pictureSchema, ...fieldsOf(optionsSchema.shape) });
export const batchFormSchema = z.object({
  images: z.array(pictureSchema).min(1).describe("The pictures' files; repeat the field"),
  ...fieldsOf(batchQuerySchema.shape),
});
export const anonymizeFormSchema = z.object({
  image: pictureSchema,
  ...fieldsOf(anonymizeQuerySchema.shape),
  regions: z
    .string()
    .optional()
    .meta({
      description: `JSON: mask exactly these boxes instead of detecting; at most ${maxBoxes}, in pixels of the upright picture, for example [{"x":120,"y":40,"width":64,"height":80}]`,
      examples: [""],
    }),
});

export const base64RequestSchema = z
  .strictObject({
    image_base64: z.string().min(1).describe("Base64, or a data: URL"),
    regions: givenBoxesSchema.optional().describe("Mask exactly these instead of detecting"),
    ...optionsSchema.shape,
  })
  .meta({ examples: [{ image_base64: "data:image/jpeg;base64,/9j/4AAQSkZJRg…" }] });
export const base64ResponseSchema = z.object({ anonymized_base64: z.string() });

/** One picture's outcome where `detail=1` was asked for: either `anonymized_base64` or `problem`. */
export const anonymizedItemSchema = z.object({
  name: z.string().nullable().describe("The upload's file name"),
  masked_name: z.string().nullable().describe("What to call the masked picture: NAME-masked.EXT"),
  anonymized_base64: z.string().nullable(),
  content_type: z.string().nullable(),
  width: z.number().int().nullable(),
  height: z.number().int().nullable(),
  frames: z.number().int().nullable(),
  regions: z.array(regionSchema),
  detector: z.string().nullable().describe("What found the regions; null where the request gave them"),
  previews: z
    .object({
      before_base64: z.string().describe("The upload itself, NOT masked; veil keeps no copy of it"),
      after_base64: z.string().describe("The masked picture"),
    })
    .nullable()
    .describe("With preview=1: JPEGs of the first frame, at most 2048 pixels a side"),
  problem: problemSchema.nullable(),
});
export type AnonymizedItem = z.infer<typeof anonymizedItemSchema>;

/** The answer to many pictures, in the order sent. */
export const batchResponseSchema = z.union([
  z.array(z.string().nullable()).describe("Pictures in base64"),
  z.array(anonymizedItemSchema).describe("With detail=1"),
]);

export const detectResponseSchema = z.object({
  width: z.number().int(),
  height: z.number().int(),
  frames: z.number().int(),
  format: z.string(),
  detector: z.string(),
  regions: z.array(regionSchema),
});
export type DetectResponse = z.infer<typeof detectResponseSchema>;

/** For requests that take no options. */
export const noQuerySchema = z.strictObject({});

export const jobRequestSchema = z
  .strictObject({
    store: z.string().describe("A configured input store, for example `input`"),
    key: z.string().describe("The object's key in it"),
    policy: optionsSchema.optional(),
  })
  .meta({ examples: [{ store: "input", key: "holiday/beach.jpg" }] });

export const policySchema = z.object({
  profile: z.enum(profiles),
  style: z.enum(allStyles),
  strength: z.enum(strengths),
  min_score: z.number().nullable().describe("null: the profile's own"),
  quality: z.number(),
  turns: z.boolean().nullable().describe("null: as the profile does"),
  implausible: z.enum(implausibles),
  verify: z.enum(verifications),
  lossless: z.boolean(),
  metadata: z.enum(metadataPolicies),
});
export type PolicyBody = z.infer<typeof policySchema>;

export const jobSchema = z.object({
  id: z.string(),
  route: z.string(),
  state: z.enum(jobStates),
  revision: z.number().int(),
  attempts: z.number().int(),
  input: z.object({ store: z.string(), key: z.string(), version: z.string() }),
  output: z.object({ store: z.string(), key: z.string() }),
  policy: policySchema,
  regions: z.number().int().nullable().describe("How many regions were masked; null before it is done"),
  masked_name: z.string().nullable().describe("What to call its result: NAME-masked.EXT; null before it is done"),
  kind: z.string().nullable().describe("For skipped: what the file is, for example PDF"),
  problem: z
    .object({ code: z.string(), title: z.string(), detail: z.string() })
    .nullable()
    .describe("For failed and dead: why"),
  successor: z.string().nullable().describe("For redriven and approved: the job that took its place"),
  admitted_at: z.string().describe("ISO 8601"),
  updated_at: z.string().describe("ISO 8601"),
});
export type JobBody = z.infer<typeof jobSchema>;

export const resultQuerySchema = z.strictObject({
  preview: flag.describe("1: a small JPEG of the masked picture, for a browser that can't show its format"),
});

export const jobsQuerySchema = z.strictObject({
  route: z.string().optional(),
  state: z.string().optional().describe("One or several states, comma-separated"),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  after: z.string().optional().describe("`next` of the page before"),
});

export const reviewsQuerySchema = jobsQuerySchema.omit({ state: true });

export const reviewsResponseSchema = z.object({
  reviews: z.array(jobSchema).describe("What waits for a person, newest change first"),
  next: z.string().nullable(),
});
export type ReviewsResponse = z.infer<typeof reviewsResponseSchema>;

export const reviewSchema = z.object({
  job: jobSchema,
  picture: z
    .object({ width: z.number().int(), height: z.number().int(), frames: z.number().int() })
    .nullable()
    .describe("Upright size in pixels; null where it was not kept"),
  regions: z
    .array(reviewRegionSchema)
    .nullable()
    .describe("What was found; null where an earlier veil did not keep it"),
  decided_by: z
    .string()
    .nullable()
    .describe("Who decided, as the ledger names people: `session:anna`; null before, and where that was erased"),
});
export type ReviewBody = z.infer<typeof reviewSchema>;

export const approvalSchema = z
  .strictObject({
    regions: decidedRegionsSchema
      .optional()
      .describe(`Exactly these, at most ${maxBoxes}; absent: all that both looks found`),
    no_faces: z.boolean().default(false).describe("true: a person sees that there is no face; nothing is masked"),
  })
  .meta({ examples: [{ regions: [{ box: { x: 120, y: 40, width: 64, height: 80 } }] }] });

export const rejectionSchema = z
  .strictObject({
    reason: z.string().max(1000).optional().describe("Kept in the ledger, and erased with the job's names"),
  })
  .meta({ examples: [{ reason: "not to be shown" }] });

/** How many jobs are in each state. */
export const countsSchema = z.record(z.enum(jobStates), z.number().int());

export const jobsResponseSchema = z.object({
  jobs: z.array(jobSchema).describe("Newest change first"),
  next: z.string().nullable(),
  counts: countsSchema,
});
export type JobsResponse = z.infer<typeof jobsResponseSchema>;

/** Which dead letters to send back; what is absent does not choose. */
export const retryManySchema = z
  .strictObject({
    route: z.string().optional(),
    code: z.string().optional().describe("One of the codes in docs/errors.md"),
    class: z.string().optional().describe("One of the classes in docs/errors.md"),
    since: z.string().optional().describe("90m, 2h, 3d, or an ISO 8601 date or time"),
    dry_run: z.boolean().default(false).describe("true: only count them"),
  })
  .meta({ examples: [{ class: "store", since: "2h", dry_run: true }] });

export const retriedSchema = z.object({
  matched: z.number().int(),
  codes: z.record(z.string(), z.number().int()),
  sent: z.number().int(),
});

export const pauseSchema = z
  .strictObject({ route: z.string().min(1).optional().describe("Absent: every route") })
  .meta({ examples: [{ route: "folder" }] });

export const pausedSchema = z.object({ all: z.boolean(), routes: z.array(z.string()) });
