import { stringify } from "yaml";
import { z } from "zod";
import { parseDayWindow } from "../core/day-window.ts";
import { bundledDetector, detectorNames, parseDetectors } from "../core/detector.ts";
import {
  allStyles,
  cosmeticStatement,
  defaultPolicy,
  implausibles,
  metadataPolicies,
  profiles,
  strengths,
  verifications,
} from "../core/policy.ts";

const MiB = 1024 * 1024;
/** A whole number. */
export const count = (min: number, max = Number.MAX_SAFE_INTEGER) => z.int().min(min).max(max);
/** A path, relative to the place that says it. */
export const folder = (shown: string, description: string) =>
  z.string().min(1).meta({ path: true, shown, description });

/** What is looked for and how it is hidden, where nothing else is said. */
export const policySchema = z.strictObject({
  profile: z.enum(profiles).default(defaultPolicy.profile).describe("How much time detection may take."),
  style: z
    .enum(allStyles)
    .default(defaultPolicy.style)
    .describe("What a mask looks like. None can be undone but cosmetic, which needs `policy.cosmetic`."),
  strength: z.enum(strengths).default(defaultPolicy.strength).describe("How far beyond the face a mask reaches."),
  minScore: z
    .exactOptional(z.number().min(0).max(1))
    .meta({ shown: "the profile's own", description: "Detections below this score are dropped." }),
  turns: z.exactOptional(z.boolean()).meta({
    shown: "only `thorough` does",
    description: "Whether to look for heads that lie on their side or hang down.",
  }),
  implausible: z
    .exactOptional(z.enum(implausibles))
    .meta({ shown: "`drop`", description: "What becomes of regions whose shape or size no face has." }),
  verify: z.exactOptional(z.enum(verifications)).meta({
    shown: "`off`",
    description: "A second look with the masks filled flat: `mask` masks what it finds, `hold` leaves it to a person.",
  }),
  quality: count(1, 100).default(defaultPolicy.quality).describe("Quality of lossy output."),
  lossless: z.exactOptional(z.boolean()).meta({
    shown: "`false`",
    description: "Whether all outside the masks stays exactly as it was; what can't be kept so is refused.",
  }),
  metadata: z.exactOptional(z.enum(metadataPolicies)).meta({
    shown: "`none`",
    description: "What of the original's metadata is written anew; see docs/formats.md.",
  }),
  cosmetic: z.exactOptional(z.enum([cosmeticStatement])).meta({
    shown: "not said",
    description: "Allows style cosmetic, a plain blur out of which faces are recognised.",
  }),
});

const mailAddress = z.string().regex(/^[^\s@<>]+@[^\s@<>,]+$/);

const alertSettings = z
  .strictObject({
    intervalMinutes: count(1, 1440)
      .default(60)
      .describe("After an alert went out, for how long more of its kind and route are only counted."),
    summaryHour: z.exactOptional(count(0, 23)).meta({
      shown: "none is sent",
      description: "Hour of the daily summary, in local time.",
    }),
    webhook: z
      .strictObject({
        url: z.exactOptional(z.url({ protocol: /^https?$/ })).meta({
          shown: "none",
          secret: true,
          expected: "an address such as https://example.org/hook",
          description: "Where alerts are posted to; see docs/alerts.md.",
        }),
        secretFile: z.exactOptional(
          folder("`webhook.secret` in the data folder, made at first use", "File with the key that signs them."),
        ),
        allowPrivate: z
          .boolean()
          .default(false)
          .describe("Whether the address may be one of this machine or of a private network."),
      })
      .prefault({}),
    mail: z
      .strictObject({
        host: z.exactOptional(z.string().min(1)).meta({ shown: "none", description: "Mail server that takes alerts." }),
        port: count(1, 65_535).default(587).describe("Its port."),
        security: z
          .enum(["starttls", "tls", "none"])
          .default("starttls")
          .describe("How the way to it is encrypted; none only for one on this machine."),
        user: z.exactOptional(z.string().min(1)).meta({ shown: "none", description: "User to log in as." }),
        passwordFile: z.exactOptional(folder("none", "File with that user's password.")),
        from: z.exactOptional(mailAddress).meta({
          shown: "none",
          expected: "an address such as veil@example.org",
          description: "Sender.",
        }),
        to: z
          .exactOptional(
            z.string().refine((value) => value.split(",").every((one) => mailAddress.safeParse(one.trim()).success)),
          )
          .meta({
            shown: "none",
            expected: "an address such as it@example.org, or several, comma-separated",
            description: "Who gets them.",
          }),
      })
      .prefault({}),
  })
  .prefault({});

/** Every setting, its range, default and meaning: the one place that defines them. */
export const settingsSchema = z.strictObject({
  dataDir: folder("`./veil-data`", "The data folder: queue, ledger, spool, models and `veil.yaml`. On a local disk."),
  host: z
    .enum(["127.0.0.1", "localhost", "::1"])
    .default("127.0.0.1")
    .describe("Address to listen on. Loopback only: there is no login yet."),
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
  jobs: z
    .strictObject({
      maxRetries: count(0, 20).default(3).describe("Further attempts after a transient failure."),
      retryDelayMs: count(0).default(1000).describe("Delay before the first of them; later ones grow."),
      leaseMs: count(1000).default(15_000).describe("A worker silent for so long loses its job to another."),
      folder: z.exactOptional(
        folder("the data folder", "Where uploads and results lie; shared by all hosts, in no route's folder."),
      ),
      retainHours: count(1).default(168).describe("How long uploads and results of the jobs API are kept."),
      ratePerMinute: z.exactOptional(count(1, 1_000_000)).meta({
        shown: "as fast as it goes",
        description: "Most jobs that watched folders begin in a minute.",
      }),
      window: z.exactOptional(z.string().refine((value) => parseDayWindow(value) !== undefined)).meta({
        shown: "all day",
        expected: "a stretch of the day such as 22:00-06:00",
        description: "When jobs of watched folders may begin, in local time.",
      }),
    })
    .prefault({}),
  queue: z
    .strictObject({
      driver: z
        .enum(["sqlite", "rabbitmq", "kafka"])
        .default("sqlite")
        .describe("What carries jobs to the workers; see docs/queues.md."),
      prefix: z
        .string()
        .regex(/^[\w.-]{1,100}$/)
        .default("veil")
        .meta({
          expected: "letters, digits, dots and dashes",
          description: "Begins the names of a broker's queues or topics.",
        }),
      url: z.exactOptional(
        z
          .string()
          .regex(/^amqps?:\/\/[^\s]+$/)
          .meta({
            secret: true,
            shown: "none",
            expected: "amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps:// for TLS",
            description: "The RabbitMQ of driver `rabbitmq`. A secret: never shown.",
          }),
      ),
      brokers: z.exactOptional(
        z
          .string()
          .regex(/^[^\s,:]+:\d+(\s*,\s*[^\s,:]+:\d+)*$/)
          .meta({
            shown: "none",
            expected: "HOST:PORT, or several with commas between",
            description: "Some brokers of driver `kafka`; the others are learned from these.",
          }),
      ),
      caFile: z.exactOptional(
        folder("the system's", "Certificate authorities in PEM that the broker's must come from."),
      ),
      tls: z.boolean().default(false).describe("Whether Kafka is spoken to by TLS; with `queue.caFile` it is anyway."),
      mechanism: z
        .enum(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
        .default("SCRAM-SHA-512")
        .describe("How `queue.username` logs in to Kafka."),
      username: z.exactOptional(z.string().min(1).meta({ shown: "none", description: "Logs in to Kafka." })),
      password: z.exactOptional(
        z.string().meta({ secret: true, shown: "none", description: "Its password. A secret: never shown." }),
      ),
    })
    .prefault({}),
  cache: z
    .strictObject({
      driver: z
        .enum(["disk", "redis", "none"])
        .default("disk")
        .describe("Where masked results are kept, so that the same file is not masked twice; see docs/cache.md."),
      maxMb: count(1).default(512).describe("Most that `disk` keeps; what was not used for longest goes first."),
      ttlHours: count(1, 87_600).default(168).describe("How long a result is kept."),
      redis: z.exactOptional(
        z.strictObject({
          url: z
            .string()
            .regex(/^rediss?:\/\/[^\s]+$/)
            .meta({
              secret: true,
              shown: "none",
              expected: "redis://USER:PASSWORD@HOST:PORT/DATABASE, or rediss:// for TLS",
              description: "The Redis of driver `redis`. A secret: never shown.",
            }),
        }),
      ),
    })
    .prefault({}),
  ledger: z
    .strictObject({
      driver: z
        .enum(["sqlite", "postgres"])
        .default("sqlite")
        .describe(
          "Where the ledger lies: in the data folder, or in a database that several hosts share; see docs/ledger.md.",
        ),
      url: z.exactOptional(
        z
          .string()
          .regex(/^postgres(ql)?:\/\/[^\s]+$/)
          .meta({
            secret: true,
            shown: "none",
            expected: "postgres://USER:PASSWORD@HOST:PORT/DATABASE, with ?sslmode=require for TLS",
            description: "The PostgreSQL of driver `postgres`. A secret: never shown.",
          }),
      ),
      caFile: z.exactOptional(
        folder("the system's", "Certificate authorities of PostgreSQL, in PEM; with it TLS is used."),
      ),
      heads: z.exactOptional(
        folder(
          "none: they are kept in the data folder alone",
          "A file, best on another disk, to which each signed head of the ledger is added; see docs/ledger.md.",
        ),
      ),
      sealMs: count(100).default(1000).describe("How often new records are sealed into the ledger's chain."),
    })
    .prefault({}),
  alerts: alertSettings,
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

/** One setting, as documentation and faults name it. */
export interface ConfigField {
  /** For example `policy.minScore`. */
  readonly path: string;
  /** What comes before the last dot: `policy`, or nothing. */
  readonly section: string;
  /** What comes after it: `minScore`. */
  readonly key: string;
  /** For example `VEIL_POLICY_MIN_SCORE`. */
  readonly env: string;
  readonly type: "array" | "boolean" | "integer" | "number" | "string";
  /** In words: `a whole number from 0 to 65535`. */
  readonly expected: string;
  /** The default in words; a fixed one as YAML. */
  readonly shown: string;
  readonly description: string;
  /** Whether the value is a path of the file system. */
  readonly isPath: boolean;
  /** Whether the value is never shown. */
  readonly isSecret: boolean;
}

/** What is read of a JSON schema. */
export interface JsonSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
  readonly description?: string;
  readonly shown?: string;
  readonly expected?: string;
  readonly path?: boolean;
  readonly secret?: boolean;
}

/** Every setting there is, in the schema's order. */
export const configFields: readonly ConfigField[] = fieldsOf(
  z.toJSONSchema(settingsSchema, { io: "input" }) as JsonSchema,
  "",
);
/** By path. */
export const fieldByPath: ReadonlyMap<string, ConfigField> = new Map(configFields.map((field) => [field.path, field]));
/** The settings that hold others, for example `policy`. */
export const sections: ReadonlySet<string> = new Set(
  configFields.flatMap(({ section }) => {
    const names = section.split(".");
    return section === "" ? [] : names.map((_, index) => names.slice(0, index + 1).join("."));
  }),
);

/** A value as YAML on one line. */
export function yamlOf(value: unknown): string {
  return stringify(value, { lineWidth: 0 }).trim();
}

/** The settings that a schema describes; those named in `whole` are one, whatever they hold. */
export function fieldsOf(node: JsonSchema, prefix: string, whole: readonly string[] = []): ConfigField[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    if (child.properties && !whole.includes(path)) return fieldsOf(child, path);
    return {
      path,
      section: prefix,
      key,
      env: `VEIL_${path.replaceAll(".", "_").replace(/[A-Z]/g, "_$&").toUpperCase()}`,
      type: child.type as ConfigField["type"],
      expected: expectedOf(child),
      shown: child.shown ?? `\`${yamlOf(child.default)}\``,
      description: child.description ?? "",
      isPath: child.path === true,
      isSecret: child.secret === true,
    };
  });
}

function expectedOf({ type, enum: values, minimum, maximum, path, expected }: JsonSchema): string {
  if (expected !== undefined) return expected;
  if (values) return values.length === 1 ? `${values[0]}` : `one of ${values.join(", ")}`;
  if (type === "boolean") return "true or false";
  if (type === "string") return path ? "a path" : "text";
  const range = maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
  return `a ${type === "integer" ? "whole number" : "number"} ${range}`;
}
