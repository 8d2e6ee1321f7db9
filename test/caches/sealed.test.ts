import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { maxValueBytes } from "../../src/caches/cache.ts";
import { createMemoryCache } from "../../src/caches/memory.ts";
import { createSealedCache } from "../../src/caches/sealed.ts";
import { atRestKeys } from "../../src/core/at-rest.ts";
import { cacheContract, keyOf } from "../contracts/cache.ts";

const key = () => atRestKeys([randomBytes(32)], "test");

async function open() {
  let time = Date.now();
  const cache = createSealedCache(createMemoryCache({ maxBytes: 40_000_000, now: () => time }), key());
  return {
    cache,
    now: () => time,
    async pass(ms: number) {
      time += ms;
    },
    [Symbol.asyncDispose]: () => cache.close(),
  };
}

// What seals it takes some room.
cacheContract("sealed", open, { isPrivate: true, largestBytes: maxValueBytes - 8192 });

test("what is kept can't be read where it lies, and is absent to another key, changed, or kept in plain", async () => {
  const inner = createMemoryCache({ maxBytes: 1_000_000 });
  const expiresAt = Date.now() + 60_000;
  const own = key();
  const cache = createSealedCache(inner, own);
  await cache.set(keyOf("a"), Buffer.alloc(1000, "masked "), expiresAt);
  assert.ok(!(await inner.get(keyOf("a")))!.includes("masked"));
  assert.equal((await cache.get(keyOf("a")))?.length, 1000);
  assert.equal(await createSealedCache(inner, key()).get(keyOf("a")), undefined);
  const stored = (await inner.get(keyOf("a")))!;
  await inner.set(keyOf("a"), Buffer.from(stored.with(-1, stored.at(-1)! ^ 1)), expiresAt);
  assert.equal(await cache.get(keyOf("a")), undefined);
  await inner.set(keyOf("b"), Buffer.from("kept before there was a key"), expiresAt);
  assert.equal(await cache.get(keyOf("b")), undefined);
});
