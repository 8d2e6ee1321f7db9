import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { maxValueBytes } from "../../src/caches/cache.ts";
import { createRedisCache } from "../../src/caches/redis.ts";
import { Problem } from "../../src/errors.ts";
import { cacheContract, keyOf } from "../contracts/cache.ts";
import { eventually } from "../contracts/eventually.ts";
import { withCode } from "../contracts/store.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { startRedis, withoutRedis } from "../fixtures/redis-server.ts";

const [a, b] = [keyOf("a"), keyOf("b")];
const soon = () => Date.now() + 60_000;

async function open(...settings: Parameters<typeof startRedis>) {
  const server = await startRedis(...settings);
  const cache = await createRedisCache({ url: `redis://127.0.0.1:${server.port}`, timeoutMs: 2000 });
  const other = new Redis(server.port, "127.0.0.1", { retryStrategy: () => null });
  other.on("error", () => {});
  return {
    ...{ cache, server, other },
    now: Date.now,
    pass: (ms: number) => sleep(ms),
    async spoil(key: string, change: (stored: Buffer) => Buffer) {
      const stored = await other.getBuffer(`anonymized:${key}`);
      await other.set(`anonymized:${key}`, change(stored!), "KEEPTTL");
    },
    async [Symbol.asyncDispose]() {
      other.disconnect();
      await cache.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

cacheContract("redis", () => open(), { skip: withoutRedis });

test("an address that is none of Redis is refused, and its password is not told", async () => {
  for (const url of [
    "http://veil:secret@host",
    "redis://veil:secret@host/other",
    "redis://veil:secret@host?commandTimeout=0",
    "redis://veil:sec%ret@host",
    "redis://",
  ]) {
    await assert.rejects(createRedisCache({ url }), (error) => {
      assert.ok(error instanceof Problem && error.code === "invalid-config");
      assert.doesNotMatch(`${error.stack} ${error.remedy}`, /sec%?ret/);
      return true;
    });
  }
});

describe("a cache in Redis", { skip: withoutRedis }, () => {
  test("keeps a value under anonymized:KEY, and Redis itself ends its time", async () => {
    await using opened = await open();
    await opened.cache.set(a, Buffer.from("x"), Date.now() + 7 * 24 * 3_600_000);
    assert.deepEqual(await opened.other.keys("*"), [`anonymized:${a}`]);
    const left = await opened.other.pttl(`anonymized:${a}`);
    assert.ok(left > 604_790_000 && left <= 604_800_000, `${left} ms`);
  });

  test("killed in the middle it fails at once, and works again by itself when Redis is back", async () => {
    await using opened = await open();
    const { cache, server } = opened;
    await cache.set(a, Buffer.alloc(1_000_000), soon());
    // Settled together at once: some of them fail while the server is still being killed.
    const asked = Promise.allSettled(Array.from({ length: 20 }, () => cache.get(a)));
    await server.kill();
    for (const { status } of await asked) assert.match(status, /fulfilled|rejected/);
    await eventually("it knows", () =>
      cache.get(a).then(
        () => false,
        () => true,
      ),
    );
    const started = performance.now();
    for (let i = 0; i < 50; i++) await assert.rejects(cache.get(a), withCode("store-unavailable"));
    await assert.rejects(cache.set(a, Buffer.from("x"), soon()), withCode("store-unavailable"));
    assert.ok(performance.now() - started < 1000, "each call waited");
    await server.start();
    await eventually("it is back", () =>
      cache.get(a).then(
        () => true,
        () => false,
      ),
    );
    assert.equal(await cache.get(a), undefined, "it came back empty");
    await cache.set(a, Buffer.from("again"), soon());
    assert.equal(String(await cache.get(a)), "again");
  });

  test("started before Redis it comes up without it, and finds it later", async () => {
    await using opened = await open();
    await opened.server.kill();
    const cache = await createRedisCache({ url: `redis://127.0.0.1:${opened.server.port}`, timeoutMs: 200 });
    try {
      await assert.rejects(cache.get(a), withCode("store-unavailable"));
      await opened.server.start();
      await eventually("it is found", () =>
        cache.get(a).then(
          () => true,
          () => false,
        ),
      );
    } finally {
      await cache.close();
    }
  });

  test("silent for a while it fails within its time, and no late answer is taken for another one", async () => {
    await using opened = await open();
    const cache = await createRedisCache({ url: `redis://127.0.0.1:${opened.server.port}`, timeoutMs: 300 });
    try {
      await cache.set(a, Buffer.from("one"), soon());
      await cache.set(b, Buffer.from("two"), soon());
      opened.server.freeze();
      const started = performance.now();
      await assert.rejects(cache.get(a), withCode("store-unavailable"));
      await assert.rejects(cache.set(a, Buffer.from("three"), soon()), withCode("store-unavailable"));
      assert.ok(performance.now() - started < 3000, "it waited too long");
      opened.server.thaw();
      await eventually("it answers", () =>
        cache.get(b).then(
          () => true,
          () => false,
        ),
      );
      assert.equal(String(await cache.get(b)), "two");
    } finally {
      opened.server.thaw();
      await cache.close();
    }
  });

  test("a list, a hash or an endless value of somebody else's is a miss, and is not read into memory", async () => {
    await using opened = await open();
    const { cache, other } = opened;
    await other.rpush(`anonymized:${a}`, "x");
    assert.equal(await cache.get(a), undefined);
    await cache.set(a, Buffer.from("mine"), soon());
    assert.equal(String(await cache.get(a)), "mine");
    await other.setrange(`anonymized:${b}`, maxValueBytes * 10, "x");
    const before = process.memoryUsage().rss;
    assert.equal(await cache.get(b), undefined);
    const grown = process.memoryUsage().rss - before;
    assert.ok(grown < maxValueBytes * 5, `${grown} bytes were held`);
  });

  test("a full Redis forgets older values, or says that it is full where it may not", async () => {
    const full = [["maxmemory", "8mb"]] as const;
    {
      await using opened = await open([...full, ["maxmemory-policy", "allkeys-lru"]]);
      for (let i = 0; i < 40; i++) await opened.cache.set(keyOf(`${i}`), Buffer.alloc(500_000, i), soon());
      let there = 0;
      for (let i = 0; i < 40; i++) {
        const value = await opened.cache.get(keyOf(`${i}`));
        if (value !== undefined) assert.ok(value.equals(Buffer.alloc(500_000, i)));
        if (value !== undefined) there += 1;
      }
      assert.ok(there > 0 && there < 20, `${there} are there`);
    }
    await using opened = await open([...full, ["maxmemory-policy", "noeviction"]]);
    const filling = async () => {
      for (let i = 0; i < 40; i++) await opened.cache.set(keyOf(`${i}`), Buffer.alloc(500_000, i), soon());
    };
    await assert.rejects(filling(), withCode("store-full"));
    assert.equal((await opened.cache.get(keyOf("0")))?.length, 500_000);
  });

  test("a user and a password are used, and a wrong one is named without being told", async () => {
    await using opened = await open([["requirepass", "p@ss/wörd"]]);
    const { port } = opened.server;
    const cache = await createRedisCache({
      url: `redis://default:${encodeURIComponent("p@ss/wörd")}@127.0.0.1:${port}/3`,
    });
    const denied = await createRedisCache({ url: `redis://:guessed-secret@127.0.0.1:${port}`, timeoutMs: 200 });
    try {
      await cache.set(a, Buffer.from("x"), soon());
      assert.equal(String(await cache.get(a)), "x");
      await assert.rejects(denied.get(a), (error) => {
        assert.ok(error instanceof Problem);
        assert.doesNotMatch(JSON.stringify([error.stack, error.message, error.remedy, error.cause ?? null]), /guessed/);
        return error.message.includes(`redis://127.0.0.1:${port}`);
      });
    } finally {
      await cache.close();
      await denied.close();
    }
  });

  test("needs no other rights than those that docs/cache.md names", async () => {
    const commands = ["getrange", "set", "unlink", "hello", "auth", "select", "info", "client"].map((it) => `+${it}`);
    const user = ["user", "veil", "on", ">pass", "~anonymized:*", "resetchannels", "-@all", ...commands] as const;
    await using server = await startRedis([[...user]]);
    const cache = await createRedisCache({ url: `redis://veil:pass@127.0.0.1:${server.port}`, timeoutMs: 2000 });
    try {
      await cache.set(a, Buffer.from("x"), soon());
      assert.equal(String(await cache.get(a)), "x");
      await cache.delete(a);
      assert.ok((await cache.get(a)) === undefined);
    } finally {
      await cache.close();
    }
  });

  test("speaks TLS with rediss://, and only with a Redis whose certificate it can trust", async () => {
    await using folder = await temporaryFolder();
    const [key, certificate] = [join(folder.path, "key.pem"), join(folder.path, "cert.pem")];
    const ask = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
    const names = ["-addext", "subjectAltName=DNS:localhost"];
    await promisify(execFile)("openssl", [...ask, ...names, "-keyout", key, "-out", certificate]);
    const files = { "tls-cert-file": certificate, "tls-key-file": key, "tls-ca-cert-file": certificate };
    const settings = [...Object.entries(files), ["tls-auth-clients", "no"]] as [string, string][];
    await using server = await startRedis(settings, { tlsOnly: true });
    const url = `rediss://localhost:${server.port}`;
    const doubting = await createRedisCache({ url, timeoutMs: 300 });
    await assert.rejects(doubting.get(a), withCode("store-unavailable"));
    await doubting.close();
    const known = getCACertificates();
    const { readFile } = await import("node:fs/promises");
    setDefaultCACertificates([...known, await readFile(certificate, "utf8")]);
    const cache = await createRedisCache({ url, timeoutMs: 5000 });
    try {
      await cache.set(a, Buffer.from("over TLS"), soon());
      assert.equal(String(await cache.get(a)), "over TLS");
    } finally {
      await cache.close();
      setDefaultCACertificates(known);
    }
  });
});
