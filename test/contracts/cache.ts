import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { type Cache, maxValueBytes } from "../../src/caches/cache.ts";

export interface CacheUnderTest extends AsyncDisposable {
  /** Empty at first; holds at least 40 MB. */
  readonly cache: Cache;
  /** Changes what lies in the cache behind its back. */
  spoil?(key: string, change: (stored: Buffer) => Buffer): Promise<void>;
  /** Lets time go by for the cache. */
  pass(ms: number): Promise<void>;
  now(): number;
}

export interface CacheContractOptions {
  /** Why it can't run here; false where it can. */
  readonly skip?: string | false;
  /** Whether nobody else reaches what it holds. */
  readonly isPrivate?: boolean;
  /** The largest value that it takes, where that is not the contract's. */
  readonly largestBytes?: number;
}

/** A key as veil makes them. */
export function keyOf(name: string): string {
  return createHash("sha256").update(name).digest("hex");
}

/** Not by `equal`, which would describe megabytes. */
async function assertAbsent(cache: Cache, key: string, when = "unexpectedly"): Promise<void> {
  const value = await cache.get(key);
  assert.ok(value === undefined, `${value?.length} bytes are there: ${when}`);
}

const [a, b] = [keyOf("a"), keyOf("b")];
const hour = 3_600_000;

/** What every cache promises. */
export function cacheContract(
  name: string,
  open: () => Promise<CacheUnderTest>,
  { skip = false, isPrivate = false, largestBytes = maxValueBytes }: CacheContractOptions = {},
): void {
  describe(`${name} as a cache`, { skip }, () => {
    test("gives back what was set, byte for byte, and nothing for what was not", async () => {
      await using opened = await open();
      const { cache } = opened;
      const value = randomBytes(3_000_000);
      await assertAbsent(cache, a);
      await cache.set(a, value, opened.now() + hour);
      assert.ok((await cache.get(a))?.equals(value));
      assert.ok((await cache.get(a))?.equals(value));
      await assertAbsent(cache, b);
    });

    test("takes an empty value, and one of the largest size; a larger one is not kept", async () => {
      await using opened = await open();
      const { cache } = opened;
      await cache.set(a, Buffer.alloc(0), opened.now() + hour);
      assert.equal((await cache.get(a))?.length, 0);
      const largest = Buffer.alloc(largestBytes, 7);
      await cache.set(a, largest, opened.now() + hour);
      assert.ok((await cache.get(a))?.equals(largest));
      await cache.set(a, Buffer.alloc(maxValueBytes + 1, 7), opened.now() + hour);
      await assertAbsent(cache, a, "the older one is out of date");
    });

    test("a later value takes the place of an earlier one", async () => {
      await using opened = await open();
      const { cache } = opened;
      for (const text of ["first, and longer", "second"])
        await cache.set(a, Buffer.from(text), opened.now() + hour + text.length);
      assert.equal(String(await cache.get(a)), "second");
      if (cache.bytes) assert.ok(cache.bytes() < 60, `${cache.bytes()} bytes are counted`);
    });

    test("forgets a value at its time, and never takes one whose time is over", async () => {
      await using opened = await open();
      const { cache } = opened;
      await cache.set(a, Buffer.from("short"), opened.now() + 300);
      await cache.set(b, Buffer.from("long"), opened.now() + hour);
      assert.equal(String(await cache.get(a)), "short");
      await opened.pass(400);
      await assertAbsent(cache, a);
      assert.equal(String(await cache.get(b)), "long");
      await cache.set(b, Buffer.from("over"), opened.now() - 1);
      await assertAbsent(cache, b);
    });

    test("what is deleted is gone, and deleting what is not there is none of its worries", async () => {
      await using opened = await open();
      const { cache } = opened;
      await cache.set(a, Buffer.from("x"), opened.now() + hour);
      await cache.delete(a);
      await cache.delete(a);
      await assertAbsent(cache, a);
    });

    test("many at once do not mix", async () => {
      await using opened = await open();
      const { cache } = opened;
      const values = new Map(Array.from({ length: 40 }, (_, i) => [keyOf(`${i}`), randomBytes(1000 * i + 1)]));
      const expiresAt = opened.now() + hour;
      await Promise.all([...values].flatMap(([key, value]) => [cache.set(key, value, expiresAt), cache.get(key)]));
      await Promise.all([...values].map(async ([key, value]) => assert.ok((await cache.get(key))?.equals(value))));
    });

    test("one key set by many at once holds one of their values", async () => {
      await using opened = await open();
      const { cache } = opened;
      const values = Array.from({ length: 20 }, (_, i) => Buffer.alloc(5000 + i, i));
      await Promise.all(values.map((value, i) => cache.set(a, value, opened.now() + hour + i)));
      const got = await cache.get(a);
      assert.ok(values.some((value) => got?.equals(value)));
      if (cache.bytes) assert.ok(cache.bytes() <= 5100, `${cache.bytes()} bytes are counted`);
    });

    if (isPrivate) return;
    test("a value that was changed, cut or grown where it lies is as good as absent", async () => {
      await using opened = await open();
      const { cache } = opened;
      const value = randomBytes(100_000);
      const changes: Record<string, (stored: Buffer) => Buffer> = {
        changed: (stored) => {
          const other = Buffer.from(stored);
          other[50_000] = other[50_000]! ^ 1;
          return other;
        },
        "half written": (stored) => stored.subarray(0, 50_000),
        "written as zeros": (stored) => Buffer.alloc(stored.length),
        grown: (stored) => Buffer.concat([stored, Buffer.from("x")]),
        huge: () => Buffer.alloc(maxValueBytes * 2, 1),
        "one byte": () => Buffer.from("x"),
      };
      for (const [what, change] of Object.entries(changes)) {
        await cache.set(a, value, opened.now() + hour);
        await opened.spoil!(a, change);
        await assertAbsent(cache, a, what);
        await assertAbsent(cache, a, what);
        await cache.set(a, value, opened.now() + hour);
        assert.ok((await cache.get(a))?.equals(value), `after it was ${what}`);
      }
    });
  });
}
