import { z } from "zod";
import { parseDayWindow } from "../core/day-window.ts";
import { readPostgresAddress } from "../postgres-address.ts";
import { count, folder } from "./kinds.ts";

/** How jobs are worked. */
export const jobsSettings = z
  .strictObject({
    maxRetries: count(0, 20).default(3).describe("Further attempts after a transient failure."),
    retryDelayMs: count(0).default(1000).describe("Delay before the first of them; later ones grow."),
    leaseMs: count(1000).default(15_000).describe("A worker silent for so long loses its job to another."),
    stopWithinMs: count(1000)
      .default(100_000)
      .describe("How long what is in work may take to end when veil stops; what takes longer is done again."),
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
  .prefault({});

/** What carries jobs to the workers. */
export const queueSettings = z
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
    caFile: z.exactOptional(folder("the system's", "Certificate authorities in PEM that the broker's must come from.")),
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
  .prefault({});

/** Where masked results are kept. */
export const cacheSettings = z
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
  .prefault({});

/** Where it is kept what happened to each object. */
export const ledgerSettings = z
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
        .superRefine((text, context) => {
          const address = readPostgresAddress(text);
          if (typeof address === "string") context.addIssue({ code: "custom", params: { why: address } });
        })
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
  .prefault({});
