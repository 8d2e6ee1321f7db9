import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryCache } from "../../src/caches/memory.ts";
import { cacheContract, keyOf } from "../contracts/cache.ts";

async function open() {
  let time = Date.now();
  const cache = createMemoryCache({ maxBytes: 40_000_000, now: () => time });
  return {
    cache,
    now: () => time,
    async pass(ms: number) {
      time += ms;
    },
    [Symbol.asyncDispose]: () => cache.close(),
  };
}

cacheContract("memory", open, { isPrivate: true });

test("a full cache in memory forgets what was not used for longest", async () => {
  const cache = createMemoryCache({ maxBytes: 30 });
  const expiresAt = Date.now() + 60_000;
  for (const name of ["a", "b", "c"]) await cache.set(keyOf(name), Buffer.alloc(10), expiresAt);
  await cache.get(keyOf("a"));
  await cache.set(keyOf("d"), Buffer.alloc(10), expiresAt);
  const there = await Promise.all(["a", "b", "c", "d"].map(async (name) => (await cache.get(keyOf(name)))?.length));
  assert.deepEqual(there, [10, undefined, 10, 10]);
  await cache.set(keyOf("e"), Buffer.alloc(31), expiresAt);
  assert.equal(cache.bytes?.(), 30, "what does not fit at all pushes nothing out");
});
