import { z } from "zod";
import { allStyles } from "../core/policy.ts";
import { pausedSchema, policySchema, problemSchema } from "./schema.ts";

const classCounts = z.record(z.string(), z.number().int()).describe("By class of docs/errors.md, most frequent first");

/** How far a route is. */
export const progressSchema = z.object({
  left: z.number().int().describe("Jobs that are not finished"),
  per_minute: z.number().describe("Jobs that ended, over the last minutes"),
  seconds_left: z.number().int().nullable().describe("At that pace; null: nothing is left, or nothing moves"),
  oldest_waiting_at: z.string().nullable().describe("ISO 8601: when the oldest of them was admitted"),
  retries: z.number().int().describe("Attempts beyond each job's first"),
  paused: z.boolean().describe("Whether somebody has told it to wait"),
  dead: classCounts,
  held: classCounts,
  trying_again: classCounts,
});
export type ProgressBody = z.infer<typeof progressSchema>;

const troubleSchema = problemSchema.pick({ code: true, title: true, detail: true, remedy: true });

/** What the page is told about an installation. */
export const statusSchema = z.object({
  version: z.string(),
  detector: z.object({ name: z.string(), digest: z.string() }),
  routes: z.array(
    z.object({
      name: z.string(),
      watched: z.boolean().describe("False: fed by requests alone"),
      input: z.string().describe("For a person: the folder's path"),
      output: z.string().describe("For a person: the folder's path"),
      passed_over: z
        .object({ count: z.number().int(), examples: z.array(z.string()) })
        .describe("What lies there and can't be taken, with the reason: no job stands for it"),
      progress: progressSchema,
      originals: z
        .enum(["keep", "move", "delete"])
        .describe("What becomes of an original once its masked picture is there"),
      stands_by: z
        .boolean()
        .describe(
          "True: this process does not watch it, another one may; `problem` and `passed_over` are not known here",
        ),
      problem: troubleSchema
        .extend({ since: z.string().describe("ISO 8601") })
        .nullable()
        .describe("Why the route does not work now; null: it does"),
      resting: troubleSchema
        .extend({ tried_at: z.string().describe("ISO 8601; past: one of its jobs is at it") })
        .nullable()
        .describe(
          "Why this process begins none of its jobs until then: its store keeps them waiting. The other routes go on. Null: it does",
        ),
    }),
  ),
  limits: z.object({
    max_bytes: z.number().int(),
    max_pixels: z.number().int(),
    max_frames: z.number().int(),
    max_batch: z.number().int(),
  }),
  paused: pausedSchema.describe("What somebody has told to wait"),
  room: z
    .object({ share: z.number(), detail: z.string() })
    .describe("How full the fullest place is; at 1 no new work is taken"),
  formats: z.array(z.string()).describe("Formats that are masked here, for example jpeg"),
  policy: policySchema.describe("What applies where a request says nothing"),
  styles: z.array(z.enum(allStyles)).describe("What the page offers: cosmetic only where the settings say its words"),
});
export type Status = z.infer<typeof statusSchema>;
