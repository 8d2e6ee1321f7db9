import { isIP } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { RedisOptions } from "ioredis";
import { Problem, type ProblemCode } from "../errors.ts";
import { type Cache, maxValueBytes } from "./cache.ts";
import { checkDigest, digestBytes, withDigest } from "./digested.ts";

export interface RedisCacheOptions {
  /** `redis://` or, with TLS, `rediss://`; may hold a user, a password and a database. Never shown. */
  readonly url: string;
  /** How long one command may take, and how long the first connection is waited for. */
  readonly timeoutMs?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

const maxStoredBytes = maxValueBytes + digestBytes;

/**
 * A cache in Redis, as `anonymized:KEY`. It connects again by itself, holds nothing back meanwhile, and makes no use of
 * what others write there: each value's digest is checked, and no more of it is read than veil would have written.
 */
export async function createRedisCache({ url, timeoutMs = 500, now = Date.now }: RedisCacheOptions): Promise<Cache> {
  const place = placeOf(url);
  const { Redis } = await import("ioredis");
  const redis = new Redis({
    ...place,
    commandTimeout: timeoutMs,
    connectTimeout: 2000,
    // A command that can't be sent now fails now.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => Math.min(times * 100, 2000),
  });
  // Whoever asks next is told; without a listener it would be printed.
  redis.on("error", () => {});
  const ready = new Promise<void>((resolve) => redis.once("ready", () => resolve()));
  await Promise.race([ready, sleep(timeoutMs, undefined, { ref: false })]);

  const where = `${place.tls === undefined ? "redis" : "rediss"}://${place.host}:${place.port}`;
  const nameOf = (key: string) => `anonymized:${key}`;

  async function ask<T>(command: () => Promise<T>): Promise<T> {
    try {
      return await command();
    } catch (error) {
      // No cause: the client's errors carry the command, and so a password or a picture.
      const message = error instanceof Error ? error.message : String(error);
      throw new Problem(codeOf(message), `The cache at ${where}: ${message}`, {
        remedy:
          "Check that Redis runs there and that cache.redis.url is right; meanwhile every picture is masked anew.",
      });
    }
  }

  return {
    async get(key) {
      const stored = await ask(async () => {
        try {
          return await redis.getrangeBuffer(nameOf(key), 0, maxStoredBytes);
        } catch (error) {
          // Something else's list or hash of that name is no value of veil's.
          if (error instanceof Error && error.message.startsWith("WRONGTYPE")) return Buffer.alloc(1);
          throw error;
        }
      });
      if (stored.length === 0) return undefined;
      const value = stored.length > maxStoredBytes ? undefined : checkDigest(stored);
      if (value === undefined) await ask(() => redis.unlink(nameOf(key)));
      return value;
    },
    async set(key, value, expiresAt) {
      const lifeMs = Math.round(expiresAt - now());
      if (value.length > maxValueBytes || lifeMs <= 0) return void (await ask(() => redis.unlink(nameOf(key))));
      await ask(() => redis.set(nameOf(key), withDigest(value), "PX", lifeMs));
    },
    delete: async (key) => void (await ask(() => redis.unlink(nameOf(key)))),
    async close() {
      redis.disconnect();
    },
  };
}

type Place = Pick<RedisOptions, "username" | "password" | "db" | "tls"> & {
  readonly host: string;
  readonly port: number;
};

/** Read here, not by the client: its URLs can also say options, which would win over those above. */
function placeOf(url: string): Place {
  const parsed = /%(?![0-9a-f]{2})/i.test(url) ? null : URL.parse(url);
  const database = /^\/(\d*)$/.exec(parsed?.pathname || "/")?.[1];
  const schemes = ["redis:", "rediss:"];
  if (!parsed?.hostname || !schemes.includes(parsed.protocol) || parsed.search || parsed.hash || database === undefined)
    throw new Problem("invalid-config", "Expected redis://HOST:PORT/DATABASE or rediss://… for cache.redis.url", {
      remedy:
        "A user and a password stand before the host: redis://USER:PASSWORD@HOST. Special characters are %-encoded.",
    });
  const host = parsed.hostname.replace(/^\[|\]$/g, "");
  return {
    host,
    port: Number(parsed.port || 6379),
    db: Number(database),
    ...(parsed.username && { username: decodeURIComponent(parsed.username) }),
    ...(parsed.password && { password: decodeURIComponent(parsed.password) }),
    ...(parsed.protocol === "rediss:" && { tls: isIP(host) === 0 ? { servername: host } : {} }),
  };
}

function codeOf(message: string): ProblemCode {
  if (message.startsWith("OOM ")) return "store-full";
  return /^(NOAUTH|WRONGPASS|NOPERM|READONLY) /.test(message) ? "store-denied" : "store-unavailable";
}
