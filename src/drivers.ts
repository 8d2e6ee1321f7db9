import { readFile } from "node:fs/promises";
import type { AlertChannel } from "./alerts/alert.ts";
import type { Cache } from "./caches/cache.ts";
import type { Config } from "./config.ts";
import { atRestKeys } from "./core/at-rest.ts";
import { createSerial, type Serial } from "./core/serial.ts";
import { Problem } from "./errors.ts";
import type { Announcements } from "./ledger/announcements.ts";
import type { Keys } from "./ledger/keys.ts";
import type { Leases } from "./ledger/leases.ts";
import type { Ledger, Stamp } from "./ledger/ledger.ts";
import type { Pauses } from "./ledger/pauses.ts";
import type { Installation } from "./ledger/postgres-installation.ts";
import type { Seals } from "./ledger/seals.ts";
import { createSqliteLedger } from "./ledger/sqlite.ts";
import { createSqliteAnnouncements } from "./ledger/sqlite-announcements.ts";
import { createSqliteKeys } from "./ledger/sqlite-keys.ts";
import { createSqliteLeases } from "./ledger/sqlite-leases.ts";
import { createSqlitePauses } from "./ledger/sqlite-pauses.ts";
import { createSqliteSeals } from "./ledger/sqlite-seals.ts";
import { readPostgresAddress } from "./postgres-address.ts";
import type { Queue } from "./queues/queue.ts";
import type { Feed } from "./sources/feed.ts";
import type { Sqlite } from "./sqlite.ts";

/*
 * The one place that knows every driver by its name in the configuration. What it brings along, such as a client of a
 * broker, is loaded only where it is asked for.
 */

export interface LedgerParts {
  /** Where the embedded ledger lies. */
  readonly sqlite: Sqlite;
  readonly installationKey: string;
  readonly stamp: Stamp;
  /** The process serves: others over the same ledger are to know. With its own queue it does so `alone`, under that name. */
  readonly serving?: { readonly alone?: string };
  readonly onProblem: (problem: Problem) => void;
}

/** The ledger, and what all who work over it share. */
export interface OpenLedger {
  readonly ledger: Ledger;
  /** The chain over it. */
  readonly seals: Seals;
  readonly pauses: Pauses;
  readonly leases: Leases;
  readonly announcements: Announcements;
  readonly keys: Keys;
  /** One put or removal at a time for each output, of this process, and over PostgreSQL of all processes. */
  readonly puts: Serial;
  /** Knows which queue was in use last. Absent: the data folder keeps that. */
  readonly installation?: Installation;
  close(): Promise<void>;
}

/** The ledger that the configuration names. Problems: ledger-unavailable, invalid-config. */
export async function openLedger(
  { ledger: { driver, url, caFile } }: Config,
  { sqlite, serving, onProblem, ...keyed }: LedgerParts,
): Promise<OpenLedger> {
  if (driver === "sqlite") {
    return {
      ledger: await createSqliteLedger({ sqlite, ...keyed }),
      seals: await createSqliteSeals(sqlite),
      pauses: await createSqlitePauses(sqlite),
      leases: await createSqliteLeases(sqlite),
      announcements: await createSqliteAnnouncements(sqlite),
      keys: await createSqliteKeys(sqlite),
      puts: createSerial(),
      close: async () => {},
    };
  }
  const ca = await authorities("ledger.caFile", caFile);
  const address = readPostgresAddress(url!);
  if (serving && ca.ca === undefined && typeof address !== "string" && address.isOpen) {
    const detail = `The connection to the ledger's PostgreSQL at ${address.host} is not encrypted: set sslmode in ledger.url to require, or to disable where nobody else can listen`;
    onProblem(new Problem("invalid-config", detail));
  }
  const { openPostgres } = await import("./postgres.ts");
  const { createPostgresLedger } = await import("./ledger/postgres.ts");
  const { createPostgresSeals } = await import("./ledger/postgres-seals.ts");
  const { createPostgresPauses } = await import("./ledger/postgres-pauses.ts");
  const { createPostgresAnnouncements } = await import("./ledger/postgres-announcements.ts");
  const { createPostgresKeys } = await import("./ledger/postgres-keys.ts");
  const { createPostgresLeases } = await import("./ledger/postgres-leases.ts");
  const { openInstallation } = await import("./ledger/postgres-installation.ts");
  const postgres = await openPostgres({ url: url!, ...ca, ...(serving && { serving }) });
  const puts = createSerial();
  try {
    const installation = await openInstallation(postgres, keyed.installationKey);
    return {
      ledger: await createPostgresLedger({ postgres, ...keyed }),
      seals: await createPostgresSeals(postgres),
      pauses: await createPostgresPauses(postgres),
      leases: await createPostgresLeases(postgres),
      announcements: await createPostgresAnnouncements(postgres),
      keys: await createPostgresKeys(postgres),
      puts: { run: (name, work) => puts.run(name, () => postgres.alone(name, work)) },
      installation,
      close: () => postgres.close(),
    };
  } catch (error) {
    await postgres.close();
    throw error;
  }
}

/** What `caFile` holds, for a client. */
export async function authorities(setting: string, path: string | undefined): Promise<{ readonly ca?: string }> {
  if (path === undefined) return {};
  const ca = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new Problem("invalid-config", `Cannot read ${path} (${setting}): ${cause.code}`, { cause });
  });
  return { ca };
}

export interface QueueParts {
  /** Where the embedded queue lies, where that is the one. */
  readonly sqlite?: Sqlite;
  /** Told that the queue has lost jobs, maybe many times at once. */
  readonly onJobsLost?: () => void;
  /** Told what fails beside a call. */
  readonly onProblem: (problem: Problem) => void;
  /** How long a broker that does not answer is waited for. */
  readonly patienceMs?: number;
}

/**
 * Which queue it is: what was published to another one waits there, not here. Over a shared ledger each replica's own
 * queue is another one. Tells no secret.
 */
export function queueName({ queue, ledger }: Config, replica: string): string {
  const { driver, prefix, url, brokers } = queue;
  if (driver === "sqlite" && ledger.driver !== "sqlite") return JSON.stringify([driver, replica]);
  const place = driver === "rabbitmq" ? url?.replace(/^.*@/, "").replace(/^amqps?:\/\//, "") : brokers;
  return driver === "sqlite" ? driver : JSON.stringify([driver, prefix, place]);
}

/** Kafka's brokers refuse shorter ones, unless they were told otherwise: group.min.session.timeout.ms. */
const leastSessionMs = 6000;

/** The queue that the configuration names. Problems: queue-unavailable, invalid-config. */
export async function openQueue(
  { queue, jobs }: Config,
  { sqlite, onJobsLost, onProblem, patienceMs }: QueueParts,
): Promise<Queue> {
  const { driver, prefix, url, brokers, caFile } = queue;
  if (driver === "sqlite") {
    const { createSqliteQueue } = await import("./queues/sqlite.ts");
    return createSqliteQueue({ sqlite: sqlite!, leaseMs: jobs.leaseMs });
  }
  const ca = await authorities("queue.caFile", caFile);
  if (driver === "rabbitmq") {
    const { createRabbitQueue } = await import("./queues/rabbitmq.ts");
    // A process that is silent for two of its beats is given up.
    const heartbeatMs = jobs.leaseMs / 2;
    return createRabbitQueue({
      ...{ url: url!, prefix, heartbeatMs, onProblem, ...ca },
      ...(patienceMs !== undefined && { waitMs: patienceMs }),
    });
  }
  const { createKafkaQueue } = await import("./queues/kafka.ts");
  const { username, password, mechanism, tls } = queue;
  return createKafkaQueue({
    ...{
      brokers: brokers!.split(",").map((broker) => broker.trim()),
      prefix,
      onProblem,
      ...(onJobsLost && { onJobsLost }),
    },
    sessionTimeoutMs: Math.max(leastSessionMs, jobs.leaseMs),
    ...(patienceMs !== undefined && { confirmMs: patienceMs }),
    ...((tls || ca.ca !== undefined) && { tls: ca }),
    ...(username !== undefined && { sasl: { mechanism, username, password: password ?? "" } }),
  });
}

/** The cache of results that the configuration names; undefined: none. What was kept on disk goes where it is kept there no more. */
export async function openCache(
  { cache }: Config,
  folder: string,
  dataKeys: readonly Uint8Array[] = [],
): Promise<Cache | undefined> {
  const opened = await openPlainCache(cache, folder);
  if (opened === undefined || dataKeys.length === 0) return opened;
  const { createSealedCache } = await import("./caches/sealed.ts");
  return createSealedCache(opened, atRestKeys(dataKeys, "cache"));
}

async function openPlainCache(cache: Config["cache"], folder: string): Promise<Cache | undefined> {
  const { driver, maxMb, redis } = cache;
  const { clearDiskCache, createDiskCache } = await import("./caches/disk.ts");
  if (driver === "disk") return createDiskCache({ folder, maxBytes: maxMb * 1024 * 1024 });
  await clearDiskCache(folder);
  if (driver === "none") return undefined;
  const { createRedisCache } = await import("./caches/redis.ts");
  return createRedisCache({ url: redis!.url });
}

/** The brokers through which stores tell of their objects. */
export async function openFeeds(
  { events: { amqp, kafka, sqs } }: Config,
  onProblem: (problem: Problem) => void,
): Promise<readonly Feed[]> {
  const feeds: Feed[] = [];
  if (amqp.url !== undefined) {
    const { createAmqpFeed } = await import("./sources/amqp-feed.ts");
    const ca = await authorities("events.amqp.caFile", amqp.caFile);
    feeds.push(createAmqpFeed({ ...amqp, url: amqp.url, ...ca, onProblem }));
  }
  if (kafka.brokers !== undefined) {
    const { createKafkaFeed } = await import("./sources/kafka-feed.ts");
    const { topic, group, tls, mechanism, username, password = "" } = kafka;
    const ca = await authorities("events.kafka.caFile", kafka.caFile);
    const brokers = kafka.brokers.split(",").map((broker) => broker.trim());
    feeds.push(
      createKafkaFeed({
        ...{ brokers, topic, group, onProblem },
        ...((tls || ca.ca !== undefined) && { tls: ca }),
        ...(username !== undefined && { sasl: { mechanism, username, password } }),
      }),
    );
  }
  if (sqs.queueUrl !== undefined) {
    const { createSqsFeed } = await import("./sources/sqs-feed.ts");
    feeds.push(createSqsFeed({ ...sqs, queueUrl: sqs.queueUrl, onProblem }));
  }
  return feeds;
}

/** Who is told of alerts; `secretFile` holds what signs them where the configuration names no other file. */
export async function openAlertChannels({ alerts }: Config, secretFile: string): Promise<readonly AlertChannel[]> {
  const { webhook, mail, intervalMinutes } = alerts;
  const { url, allowPrivate } = webhook;
  const { host, from, to } = mail;
  const channels: AlertChannel[] = [];
  if (url !== undefined) {
    const { createWebhook, webhookSecretIn } = await import("./alerts/webhook.ts");
    const secret = await webhookSecretIn(webhook.secretFile ?? secretFile);
    channels.push(createWebhook({ url, allowPrivate, secret }));
  }
  if (host !== undefined && from !== undefined && to !== undefined) {
    const { createMail } = await import("./alerts/mail.ts");
    channels.push(createMail({ ...mail, host, from, to, digestMs: intervalMinutes * 60_000 }));
  }
  return channels;
}
