import { setTimeout as sleep } from "node:timers/promises";
import type { RateLimiterAbstract, RateLimiterRes } from "rate-limiter-flexible";
import { Problem } from "../errors.ts";
import { networkOf } from "../network-address.ts";

export interface LimitOptions {
  /** Requests a minute of one client, known by its name. */
  readonly perClient: number;
  /** Requests a minute from one address, whoever asks. */
  readonly perAddress: number;
  /** Redis, where it is to count for all processes; while it can't be reached each counts for itself. */
  readonly redisUrl?: string | undefined;
  readonly onProblem: (problem: Problem) => void;
}

/** How often who may ask. Each throws Problem too-many-requests, with when to come again. */
export interface Limits {
  address(address: string): Promise<void>;
  client(name: string): Promise<void>;
  /** A login failed: answers for how many seconds from now on further failures are not even looked at; 0: they are. */
  failed(address: string): Promise<number>;
  /** For how many seconds failures from there are not looked at any more. */
  restSeconds(address: string): Promise<number>;
  close(): Promise<void>;
}

const minuteSeconds = 60;
/** A person may mistype; who fails more often waits twice as long each time. */
const freeFailures = 5;
const failuresSeconds = 3600;
const longestRestSeconds = 900;
/** How long the start waits for Redis. */
const startMs = 1000;

export async function createLimits({ perClient, perAddress, redisUrl, onProblem }: LimitOptions): Promise<Limits> {
  const { RateLimiterMemory, RateLimiterRedis } = await import("rate-limiter-flexible");
  const redis = redisUrl === undefined ? undefined : await connect(redisUrl, onProblem);
  const limiter = (keyPrefix: string, points: number, duration: number): RateLimiterAbstract => {
    const options = { keyPrefix: `veil:${keyPrefix}`, points, duration };
    const alone = new RateLimiterMemory(options);
    if (redis === undefined) return alone;
    return new RateLimiterRedis({
      ...options,
      storeClient: redis,
      insuranceLimiter: alone,
      rejectIfRedisNotReady: true,
    });
  };
  const addresses = limiter("address", perAddress, minuteSeconds);
  const clients = limiter("client", perClient, minuteSeconds);
  const failures = limiter("failures", freeFailures, failuresSeconds);
  const rests = limiter("rests", 1, longestRestSeconds);

  async function take(from: RateLimiterAbstract, key: string, limit: string): Promise<void> {
    await from.consume(key).catch((refused: RateLimiterRes | Error) => {
      if (refused instanceof Error) throw refused;
      throw tooMany(Math.ceil(refused.msBeforeNext / 1000), `More requests than ${limit} a minute`);
    });
  }

  return {
    address: (address) => take(addresses, networkOf(address), `${perAddress} from one address`),
    client: (name) => take(clients, name, `${perClient} of one client`),
    async failed(address) {
      const { consumedPoints } = await failures.penalty(networkOf(address));
      const over = consumedPoints - freeFailures;
      if (over <= 0) return 0;
      const seconds = Math.min(2 ** Math.min(over, 20), longestRestSeconds);
      await rests.block(networkOf(address), seconds);
      return seconds;
    },
    async restSeconds(address) {
      const rest = await rests.get(networkOf(address));
      return rest === null || rest.consumedPoints <= 1 ? 0 : Math.max(1, Math.ceil(rest.msBeforeNext / 1000));
    },
    async close() {
      redis?.disconnect();
    },
  };
}

/** With when to come again, in seconds. */
export function tooMany(retryAfter: number, detail: string): Problem {
  return new Problem("too-many-requests", detail, {
    remedy: `Come again in ${retryAfter} s; http.requestsPerMinute and its neighbours set the limits.`,
    retryAfter,
  });
}

async function connect(url: string, onProblem: LimitOptions["onProblem"]) {
  const { Redis } = await import("ioredis");
  const redis = new Redis(url, { maxRetriesPerRequest: 1, enableOfflineQueue: false, connectTimeout: 2000 });
  let isTold = false;
  redis.on("ready", () => {
    isTold = false;
  });
  redis.on("error", ({ message }: Error) => {
    if (isTold) return;
    isTold = true;
    onProblem(
      new Problem(
        "store-unavailable",
        `Redis, which counts requests, can't be reached: ${message}. Each process counts for itself`,
      ),
    );
  });
  const ready = new Promise<void>((resolve) => redis.once("ready", () => resolve()));
  await Promise.race([ready, sleep(startMs, undefined, { ref: false })]);
  return redis;
}
