import { placeOf } from "./config/places.ts";
import { type Config, routesOf } from "./config.ts";
import { authorities, openFeeds, openQueue } from "./drivers.ts";
import { Problem, toProblem } from "./errors.ts";
import { openNamedStore } from "./store-drivers.ts";

/*
 * Whether what the configuration names is there and lets veil in. Each answers what it found, and rejects with the
 * Problem that a start would end with, sooner. Nothing is written that a start would not write.
 */

const patienceMs = 5000;

/** With the installation's key, whether the ledger is that installation's too. */
export async function checkLedger({ ledger }: Config, installationKey: string | undefined): Promise<string> {
  const { driver, url, caFile } = ledger;
  if (driver === "sqlite") return "in the data folder";
  const { openPostgres } = await import("./postgres.ts");
  const { refuseOthers } = await import("./ledger/postgres-installation.ts");
  const ca = await authorities("ledger.caFile", caFile);
  // One try, which the client gives up after as long.
  await using postgres = await openPostgres({ url: url!, ...ca, patienceMs: 0, maxConnections: 1 });
  if (installationKey !== undefined) await refuseOthers(postgres, installationKey);
  return `PostgreSQL at ${postgres.place}`;
}

export async function checkQueue(config: Config): Promise<string> {
  const { driver, prefix } = config.queue;
  if (driver === "sqlite") return "in the data folder";
  // What is told beside is the reason that comes in the end.
  const queue = await openQueue(config, { onProblem: () => {}, patienceMs }).catch(
    advised("Look whether it runs and can be reached, and at queue.url or queue.brokers."),
  );
  await queue.close();
  return `${driver === "kafka" ? "Kafka" : "RabbitMQ"}, with the prefix ${prefix}`;
}

export async function checkCache({ cache }: Config): Promise<string> {
  const { driver, redis } = cache;
  if (driver !== "redis") return driver === "none" ? "none" : "in the data folder";
  const { createRedisCache } = await import("./caches/redis.ts");
  const opened = await createRedisCache({ url: redis!.url, timeoutMs: patienceMs });
  try {
    await opened.get("veil doctor");
  } finally {
    await opened.close();
  }
  return "Redis answers";
}

/** Looks for what is not there in each store that a route names: that needs the server, the keys and the bucket or folder. */
export async function checkStores(config: Config): Promise<string> {
  const places = [...routesOf(config).values()].flatMap(({ from, to, movedTo }) => [from, to, movedTo ?? ""]);
  const named = [...new Set(places.filter((place) => placeOf(place).kind === "store"))];
  for (const place of named) {
    const store = openNamedStore(place, config.stores, { name: place })!;
    try {
      await store.head("-");
    } finally {
      await store.close();
    }
  }
  return named.length === 0 ? "none" : named.join(", ");
}

/** Asks each broker that events come through whether it is there and lets veil in. */
export async function checkEvents(config: Config): Promise<string> {
  const feeds = await openFeeds(config, () => {});
  for (const feed of feeds) await feed.check(patienceMs);
  return feeds.length === 0 ? "none through brokers" : feeds.map(({ name }) => name).join(", ");
}

/** For a Problem that says none itself. */
function advised(remedy: string): (error: unknown) => never {
  return (error) => {
    const problem = toProblem(error);
    throw problem.remedy === undefined
      ? new Problem(problem.code, problem.message, { remedy, cause: problem })
      : problem;
  };
}
