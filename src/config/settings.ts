import { z } from "zod";
import { bundledDetector, detectorNames, parseDetectors } from "../core/detector.ts";
import { isolationChoices } from "../core/isolation.ts";
import { authSettings, httpSettings } from "./access-settings.ts";
import { alertSettings } from "./alert-settings.ts";
import { eventSettings } from "./event-settings.ts";
import { count, folder } from "./kinds.ts";
import { monitorSettings } from "./monitor-settings.ts";
import { cacheSettings, jobsSettings, ledgerSettings, queueSettings } from "./pipeline-settings.ts";
import { policySchema } from "./policy-settings.ts";
import { tracingSettings } from "./tracing-settings.ts";

const MiB = 1024 * 1024;

/** Every setting, its range, default and meaning: the one place that defines them. */
export const settingsSchema = z.strictObject({
  dataDir: folder("`./veil-data`", "The data folder: queue, ledger, spool, models and `veil.yaml`. On a local disk."),
  dataKeyFile: z.exactOptional(
    folder(
      "none: they lie as they are",
      "Keys that uploads which wait, and cached results, are sealed with on the disk: the first line's seals, each opens.",
    ),
  ),
  host: z.string().min(1).default("127.0.0.1").meta({
    expected: "an address or name of this machine",
    description:
      "Address to listen on; 0.0.0.0 or :: for all. Another one than loopback needs a login: docs/security.md.",
  }),
  port: count(0, 65_535).default(8080).describe("Port to listen on; 0 takes any free one."),
  roles: z
    .string()
    .regex(/^(api|sources|worker)( *, *(api|sources|worker))*$/)
    .default("api,sources,worker")
    .meta({
      expected: "some of api, sources and worker, comma-separated",
      description: "What this process does; see docs/queues.md. All but one need a broker and a PostgreSQL ledger.",
    }),
  logLevel: z.enum(["debug", "info", "warn", "error", "silent"]).default("info").describe("Least that is logged."),
  detector: z
    .string()
    .refine((value) => parseDetectors(value) !== undefined)
    .default(bundledDetector)
    .meta({
      expected: `one of ${detectorNames.join(", ")}, or several joined by +`,
      description: "What finds the faces. All but mediapipe-full-range are added by `veil models add`.",
    }),
  policy: policySchema.prefault({}),
  limits: z
    .strictObject({
      maxBytes: count(1)
        .default(64 * MiB)
        .describe("Largest file."),
      maxPixels: count(1).default(120_000_000).describe("Most pixels of a picture, all frames together."),
      maxFrames: count(1).default(500).describe("Most frames or pages of a picture."),
      maxBatch: count(1).default(1000).describe("Most pictures of one batch request."),
      spoolMb: count(1).default(10_240).describe("Most that lies in the spool; above it no new work is taken."),
      reserveMb: count(0)
        .default(256)
        .describe(
          "What stays free on the disks of the data folder and of local outputs; below it no new work is taken.",
        ),
    })
    .prefault({}),
  engine: z.strictObject({
    processes: count(1, 256).meta({
      shown: "one per core, at most 8",
      description: "Processes that decode, detect and encode.",
    }),
    deadlineMs: count(100).default(60_000).describe("Longest time for one step of one picture."),
    memoryMb: count(256).default(1536).describe("Most memory of one process; above it, the process is replaced."),
    isolation: z
      .enum(isolationChoices)
      .default("auto")
      .describe(
        "What shuts these processes in, see docs/isolation.md. auto: the tightest that works here; required: the same, and no start where it leaves network or files open.",
      ),
  }),
  folder: z.strictObject({
    input: folder("`input_photos` in the data folder", "Watched: photographs that appear here are masked."),
    output: folder("`output_anonymous` in the data folder", "Masked photographs, under the same relative path."),
    watch: z.boolean().default(true).describe("Whether photographs are taken from the input folder."),
    settleMs: count(0).default(500).describe("How long a file must stay unchanged before it is taken."),
    incompleteMs: count(0).default(10_000).describe("How long to wait for a file's missing end before it is refused."),
    reconcileMs: count(1000).default(60_000).describe("How often the folder is compared with the ledger."),
    pollMs: count(100)
      .default(10_000)
      .describe("The same where no events come: on file servers. Rests at least as long as a look takes."),
  }),
  jobs: jobsSettings,
  queue: queueSettings,
  cache: cacheSettings,
  ledger: ledgerSettings,
  alerts: alertSettings,
  events: eventSettings,
  http: httpSettings,
  auth: authSettings,
  monitor: monitorSettings,
  tracing: tracingSettings,
  eval: z
    .strictObject({
      folder: z.exactOptional(
        folder("none: nothing is measured", "Labelled pictures on which the service measures how many faces leak."),
      ),
      truth: z.exactOptional(folder("`truth.jsonl` in that folder", "What is in them, in a format of docs/eval.md.")),
      everyHours: count(1).default(168).describe("How often they are measured."),
      keep: count(2).default(60).describe("How many results are kept."),
    })
    .prefault({}),
});

export type Settings = z.output<typeof settingsSchema>;
