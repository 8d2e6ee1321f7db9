import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import { atRestKeys } from "../../src/core/at-rest.ts";
import { createFsStore } from "../../src/stores/fs.ts";
import { createMemoryStore } from "../../src/stores/memory.ts";
import { createSealedStore } from "../../src/stores/sealed.ts";
import type { Store } from "../../src/stores/store.ts";
import { storeContract } from "../contracts/store.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";

const key = () => atRestKeys([randomBytes(32)], "test");
const plainType = { contentType: "text/plain" };

storeContract(
  "sealed",
  async () => {
    const store = createSealedStore(createMemoryStore({ name: "sealed" }), key());
    return { store, [Symbol.asyncDispose]: () => store.close() };
  },
  { keepsMetadata: true },
);

async function read(store: Store, name: string, range?: { start: number; end: number }): Promise<Buffer> {
  const { stream } = await store.get(name, { ...(range && { range }) });
  return Buffer.concat(await stream.toArray());
}

describe("a sealed store", () => {
  test("keeps nothing that can be read without its key, and tells sizes as they were", async () => {
    const inner = createMemoryStore({ name: "inner" });
    const own = key();
    const store = createSealedStore(inner, own);
    const bytes = Buffer.alloc(200_000, "a face ");
    const info = await store.put("a", Readable.from([bytes]), plainType);
    assert.equal(info.size, bytes.length);
    assert.equal((await store.head("a"))?.size, bytes.length);
    assert.deepEqual(
      (await Array.fromAsync(store.list(""))).map(({ size }) => size),
      [bytes.length],
    );
    assert.ok(!(await read(inner, "a")).includes("a face"));
    assert.ok((await read(store, "a")).equals(bytes));
    assert.ok((await read(store, "a", { start: 65_530, end: 131_080 })).equals(bytes.subarray(65_530, 131_081)));
    assert.ok((await read(createSealedStore(inner, own), "a")).equals(bytes), "after a restart");
  });

  test("refuses what another key has sealed, what somebody changed, and what has another name", async () => {
    const inner = createMemoryStore({ name: "inner" });
    const store = createSealedStore(inner, key());
    await store.put("a", Readable.from([Buffer.from("an original")]), plainType);
    const other = createSealedStore(inner, key());
    await assert.rejects(read(other, "a"), {
      code: "invalid-config",
      message: /inner\/a is sealed by a key that is not here/,
    });
    // Whoever cleans up goes on past it.
    assert.equal((await Array.fromAsync(other.list(""))).length, 1);
    assert.ok((await other.head("a")) !== undefined);
    const stored = await read(inner, "a");
    await inner.put("a", Readable.from([stored.with(-1, stored.at(-1)! ^ 1)]), plainType);
    await assert.rejects(read(store, "a"), { code: "unreadable" });
    await inner.put("b", Readable.from([stored]), plainType);
    await assert.rejects(read(store, "b"), { code: "unreadable" });
  });

  test("without a key seals nothing, and tells what was sealed from what can't be read", async () => {
    const inner = createMemoryStore({ name: "inner" });
    const store = createSealedStore(inner, atRestKeys([], "test"));
    await store.put("plain", Readable.from([Buffer.from("x".repeat(100))]), plainType);
    assert.equal(String(await read(inner, "plain")), "x".repeat(100));
    assert.equal(String(await read(store, "plain")), "x".repeat(100));
    await createSealedStore(inner, key()).put("a", Readable.from([Buffer.from("an original")]), plainType);
    await assert.rejects(read(store, "a"), { code: "invalid-config", message: /sealed by a key that is not here/ });
    assert.equal((await Array.fromAsync(store.list(""))).length, 2);
  });

  test("without a key takes nothing that would pass for sealed, in whatever pieces it comes, and a key that comes later reads the rest", async () => {
    await using folder = await temporaryFolder();
    const stores = [createMemoryStore({ name: "inner" }), createFsStore({ name: "inner", root: folder.path })];
    for (const inner of stores) {
      const store = createSealedStore(inner, atRestKeys([], "test"));
      const long = Buffer.from(`vsl1${"x".repeat(100)}`);
      for (const pieces of [
        [long],
        [long.subarray(0, 1), long.subarray(1, 3), long.subarray(3)],
        [Buffer.from("vsl1")],
      ]) {
        await assert.rejects(store.put("odd", Readable.from(pieces), plainType), { code: "unsupported" });
      }
      assert.equal(await inner.head("odd"), undefined, "nothing of it is there");
      const kept = { near: "vsl2 and more than a header has", short: "vsl", none: "" };
      for (const [name, text] of Object.entries(kept))
        await store.put(name, Readable.from([Buffer.from(text)]), { ...plainType, size: text.length });
      for (const its of [store, createSealedStore(inner, key())])
        for (const [name, text] of Object.entries(kept)) assert.equal(String(await read(its, name)), text);
      // With a key it is sealed as everything is.
      const keyed = createSealedStore(inner, key());
      await keyed.put("odd", Readable.from([long]), plainType);
      assert.ok((await read(keyed, "odd")).equals(long));
      await store.close();
    }
  });

  test("seals by the first of its keys, and opens what any of them has sealed", async () => {
    const inner = createMemoryStore({ name: "inner" });
    const [former, next] = [randomBytes(32), randomBytes(32)];
    const put = (name: string, ...secrets: Uint8Array[]) =>
      createSealedStore(inner, atRestKeys(secrets, "test")).put(name, Readable.from([Buffer.from(name)]), plainType);
    await put("before", former);
    await put("after", next, former);
    const rotated = createSealedStore(inner, atRestKeys([next, former], "test"));
    assert.deepEqual(
      [String(await read(rotated, "before")), String(await read(rotated, "after"))],
      ["before", "after"],
    );
    const alone = createSealedStore(inner, atRestKeys([next], "test"));
    assert.equal(String(await read(alone, "after")), "after");
    await assert.rejects(read(alone, "before"), { code: "invalid-config" });
  });

  test("reads what was put before there was a key", async () => {
    const inner = createMemoryStore({ name: "inner" });
    await inner.put("old", Readable.from([Buffer.alloc(100, "x")]), plainType);
    await inner.put("tiny", Readable.from([Buffer.from("x")]), plainType);
    const store = createSealedStore(inner, key());
    assert.deepEqual([(await read(store, "old")).length, (await store.head("old"))?.size], [100, 100]);
    assert.equal(String(await read(store, "tiny")), "x");
  });
});
