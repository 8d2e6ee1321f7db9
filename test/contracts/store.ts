import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import type { ProblemCode } from "../../src/errors.ts";
import type { GetOptions, ObjectInfo, Store } from "../../src/stores/store.ts";
import { neverKeys, oddKeys, pathKeys } from "./odd-keys.ts";
import { removalContract } from "./store-removals.ts";

export interface StoreUnderTest extends AsyncDisposable {
  /** Empty at first. */
  readonly store: Store;
}

const image = { contentType: "image/jpeg" };

export function bodyOf(content: string | Buffer): Readable {
  return Readable.from([Buffer.from(content)], { objectMode: false });
}

export async function read(store: Store, key: string, options?: GetOptions): Promise<Buffer> {
  const { stream } = await store.get(key, options);
  return Buffer.concat(await stream.toArray());
}

export async function keysOf(store: Store, prefix = ""): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys.sort();
}

export function withCode(code: ProblemCode) {
  return { name: "Problem", code };
}

/** What sets a store apart from the rest. */
export interface StoreTraits {
  /** Longer than what the store tells times of change apart by; 20 ms: a kernel's coarse clock. */
  readonly tickMs?: number;
  /** Odd keys that it can't hold: it refuses them by name. */
  readonly refuses?: (key: string) => boolean;
  /** Keys are plain names to it: leading slashes, `..` and empty segments mean nothing. */
  readonly plainKeys?: true;
  /** It keeps what is put beside an object. */
  readonly keepsMetadata?: true;
  /** A reading during which another object takes the name may fail; it never mixes them. */
  readonly failsWhenReplaced?: true;
  /** The server itself refuses a put whose condition does not hold. */
  readonly conditional?: true;
  /** What comes as an older version is removed stays: the server compares, or it is moved before it is looked at. */
  readonly keepsNewer?: true;
  /** How many puts and reads a test makes where it makes many, for stores that take long for each. */
  readonly rounds?: number;
  /** Why it can't run here; false where it can. */
  readonly skip?: string | false;
}

/** What every store promises. */
export function storeContract(name: string, open: () => Promise<StoreUnderTest>, traits: StoreTraits = {}): void {
  const { tickMs = 20, refuses = () => false, plainKeys = false, rounds = 30, skip = false } = traits;
  const bare = (info: ObjectInfo | undefined) => {
    if (info === undefined) return undefined;
    const { metadata: _, ...rest } = info;
    return rest;
  };
  describe(`${name} as a store`, { skip }, () => {
    test("gives back what was put, byte for byte, with its size and version", async () => {
      await using opened = await open();
      const { store } = opened;
      const bytes = randomBytes(3_000_000);
      const put = await store.put("a/b/c.jpg", Readable.from([bytes.subarray(0, 7), bytes.subarray(7)]), image);
      const { info, stream } = await store.get("a/b/c.jpg", { version: put.version });
      const got = Buffer.concat(await stream.toArray());
      assert.equal(sha256(got), sha256(bytes));
      assert.deepEqual(bare(info), bare(put));
      assert.equal(info.size, bytes.length);
      assert.equal(info.key, "a/b/c.jpg");
      assert.ok(Math.abs(info.modifiedAt - Date.now()) < 60_000);
      assert.deepEqual(bare(await store.head("a/b/c.jpg")), bare(put));
    });

    test("holds an empty object", async () => {
      await using opened = await open();
      await opened.store.put("empty", Readable.from([]), image);
      assert.equal((await read(opened.store, "empty")).length, 0);
      assert.equal((await read(opened.store, "empty", { range: { start: 0, end: 4095 } })).length, 0);
      assert.equal((await opened.store.head("empty"))?.size, 0);
    });

    test("says not-found for what is not there, and head says undefined", async () => {
      await using opened = await open();
      await opened.store.put("folder/x.jpg", bodyOf("x"), image);
      for (const key of ["x.jpg", "folder", "folder/y.jpg", "folder/x.jpg/z.jpg"]) {
        await assert.rejects(opened.store.get(key), withCode("not-found"), key);
        assert.equal(await opened.store.head(key), undefined, key);
      }
    });

    test("gives a changed object another version and refuses the old one", async () => {
      await using opened = await open();
      const { store } = opened;
      const first = await store.put("x.jpg", bodyOf("aaaa"), image);
      await sleep(tickMs);
      const second = await store.put("x.jpg", bodyOf("bbbb"), image);
      assert.notEqual(first.version, second.version);
      await assert.rejects(store.get("x.jpg", { version: first.version }), withCode("changed-while-reading"));
      assert.equal(String(await read(store, "x.jpg", { version: second.version })), "bbbb");
    });

    test("keeps the version of what does not change", async () => {
      await using opened = await open();
      const put = await opened.store.put("x.jpg", bodyOf("aaaa"), image);
      await opened.store.put("y.jpg", bodyOf("bbbb"), image);
      await read(opened.store, "x.jpg");
      assert.equal((await opened.store.head("x.jpg"))?.version, put.version);
      for await (const info of opened.store.list("")) if (info.key === "x.jpg") assert.deepEqual(info, bare(put));
    });

    test("reads a range, both ends included, clipped at the object's end", async () => {
      await using opened = await open();
      const { store } = opened;
      await store.put("x", bodyOf("0123456789"), image);
      const range = async (start: number, end: number) => String(await read(store, "x", { range: { start, end } }));
      assert.equal(await range(0, 0), "0");
      assert.equal(await range(3, 5), "345");
      assert.equal(await range(8, 4000), "89");
      assert.equal(await range(10, 20), "");
    });

    test("shows a reader the old object or the whole new one, never anything between", async () => {
      await using opened = await open();
      const { store } = opened;
      const contents = ["a".repeat(400_000), "b".repeat(700_000)];
      await store.put("x", bodyOf(contents[0]!), image);
      let writing = true;
      const writer = (async () => {
        for (let round = 1; round <= rounds; round += 1) await store.put("x", pieces(contents[round % 2]!), image);
        writing = false;
      })();
      let reads = 0;
      while (writing) {
        await turn();
        const bytes = await read(store, "x").catch((error) => {
          const isReplaced = ["changed-while-reading", "store-unavailable"].includes(error.code);
          if (!traits.failsWhenReplaced || !isReplaced) throw error;
        });
        if (bytes === undefined) continue;
        const got = String(bytes);
        assert.ok(contents.includes(got), `a mixture of ${got.length} bytes`);
        assert.deepEqual(await keysOf(store), ["x"]);
        reads += 1;
      }
      await writer;
      assert.ok(reads > rounds / 10, `only ${reads} reads`);
    });

    test("shows nothing of an object that is half written", async () => {
      await using opened = await open();
      const { store } = opened;
      const body = new Readable({ read() {} });
      const putting = store.put("folder/half.jpg", body, image);
      body.push(Buffer.alloc(300_000, 1));
      for (let round = 0; round < 20; round += 1) {
        await turn();
        assert.deepEqual(await keysOf(store), []);
        assert.equal(await store.head("folder/half.jpg"), undefined);
      }
      body.push(null);
      await putting;
      assert.deepEqual(await keysOf(store), ["folder/half.jpg"]);
    });

    test("leaves nothing of a body that fails, and the old object as it was", async () => {
      await using opened = await open();
      const { store } = opened;
      const old = await store.put("x", bodyOf("old"), image);
      for (const key of ["x", "new/y"]) {
        const failing = async function* () {
          yield Buffer.alloc(100_000);
          throw new Error("the line broke");
        };
        await assert.rejects(store.put(key, Readable.from(failing()), image), /the line broke/);
        const destroyed = new Readable({ read() {} });
        const putting = store.put(key, destroyed, image);
        destroyed.push(Buffer.alloc(100_000));
        destroyed.destroy();
        await assert.rejects(putting);
      }
      assert.deepEqual(await keysOf(store), ["x"]);
      assert.deepEqual(bare(await store.head("x")), bare(old));
      assert.equal(String(await read(store, "x")), "old");
    });

    test("puts only where nothing is, when asked to", async () => {
      await using opened = await open();
      const { store } = opened;
      const free = { ...image, ifNoneMatch: "*" } as const;
      await store.put("x", bodyOf("first"), free);
      await assert.rejects(store.put("x", bodyOf("second"), free), withCode("already-exists"));
      assert.equal(String(await read(store, "x")), "first");
      await store.put("x", bodyOf("third"), image);
      assert.equal(String(await read(store, "x")), "third");
      await store.remove("x");
      await store.put("x", bodyOf("fourth"), free);
    });

    test("replaces only the version that it is told to", async () => {
      await using opened = await open();
      const { store } = opened;
      const first = await store.put("x", bodyOf("first"), image);
      await sleep(tickMs);
      const second = await store.put("x", bodyOf("second"), { ...image, ifMatch: first.version });
      await assert.rejects(
        store.put("x", bodyOf("third"), { ...image, ifMatch: first.version }),
        withCode("already-exists"),
      );
      assert.equal(String(await read(store, "x")), "second");
      await store.remove("x");
      await assert.rejects(
        store.put("x", bodyOf("fourth"), { ...image, ifMatch: second.version }),
        withCode("already-exists"),
      );
      assert.deepEqual(await keysOf(store), []);
    });

    test("takes a body only as long as was said", async () => {
      await using opened = await open();
      const { store } = opened;
      for (const size of [2, 9])
        await assert.rejects(store.put("x", bodyOf("12345"), { ...image, size }), String(size));
      assert.deepEqual(await keysOf(store), []);
      await store.put("x", bodyOf("12345"), { ...image, size: 5 });
      assert.equal(String(await read(store, "x")), "12345");
    });

    if (!traits.conditional) {
      test("asks before a new object is seen, and leaves the old one where the answer is no", async () => {
        await using opened = await open();
        const { store } = opened;
        await store.put("x", bodyOf("old"), image);
        for (const key of ["x", "y"]) {
          const beforeVisible = async () => {
            assert.equal(String(await read(store, "x")), "old");
            throw new Error("not any more");
          };
          await assert.rejects(store.put(key, bodyOf("new"), { ...image, beforeVisible }), /not any more/);
        }
        assert.deepEqual(await keysOf(store), ["x"]);
        assert.equal(String(await read(store, "x")), "old");
      });
    }

    if (traits.keepsMetadata) {
      test("keeps what is put beside an object", async () => {
        await using opened = await open();
        const { store } = opened;
        const metadata = { "veil-job": "0123", "veil-via": "a,b" };
        await store.put("x", bodyOf("x"), { ...image, metadata });
        assert.deepEqual((await store.head("x"))?.metadata, metadata);
        const { info, stream } = await store.get("x");
        stream.destroy();
        assert.deepEqual(info.metadata, metadata);
        await store.put("x", bodyOf("y"), image);
        assert.deepEqual((await store.head("x"))?.metadata, {});
      });
    }

    test("lets one of many win that put at the same free key at once", async () => {
      await using opened = await open();
      const { store } = opened;
      const free = { ...image, ifNoneMatch: "*" } as const;
      const puts = Array.from({ length: 8 }, (_, index) =>
        store.put("d/x", pieces(String(index).repeat(90_000)), free),
      );
      const results = await Promise.allSettled(puts);
      const winners = results.flatMap(({ status }, index) => (status === "fulfilled" ? [index] : []));
      assert.equal(winners.length, 1);
      for (const result of results)
        if (result.status === "rejected") assert.equal(result.reason.code, "already-exists");
      assert.equal(String(await read(store, "d/x")), String(winners[0]).repeat(90_000));
      assert.deepEqual(await keysOf(store), ["d/x"]);
    });

    test("keeps odd names exactly as they are", async () => {
      await using opened = await open();
      const { store } = opened;
      const keys = oddKeys.filter((key) => !refuses(key));
      for (const key of oddKeys.filter(refuses))
        await assert.rejects(store.put(key, bodyOf(key), image), withCode("invalid-request"), JSON.stringify(key));
      for (const key of keys) await store.put(key, bodyOf(key), image);
      assert.deepEqual(await keysOf(store), keys.toSorted());
      for (const key of keys) {
        assert.equal(String(await read(store, key)), key);
        assert.equal((await store.head(key))?.key, key);
        await store.remove(key);
      }
      assert.deepEqual(await keysOf(store), []);
    });

    if (plainKeys) {
      test("takes keys that look like paths for plain names", async () => {
        await using opened = await open();
        const { store } = opened;
        for (const key of pathKeys) await store.put(key, bodyOf(key), image);
        assert.deepEqual(await keysOf(store), pathKeys.toSorted());
        for (const key of pathKeys) {
          assert.equal(String(await read(store, key)), key);
          await store.remove(key);
        }
        assert.deepEqual(await keysOf(store), []);
      });
    }

    test("refuses keys that would leave the store or could mean two things", async () => {
      await using opened = await open();
      const { store } = opened;
      for (const key of plainKeys ? neverKeys : [...neverKeys, ...pathKeys]) {
        const refused = withCode("invalid-request");
        await assert.rejects(store.get(key), refused, `get ${JSON.stringify(key)}`);
        await assert.rejects(store.put(key, bodyOf("x"), image), refused, `put ${JSON.stringify(key)}`);
        await assert.rejects(store.head(key), refused, `head ${JSON.stringify(key)}`);
        await assert.rejects(store.remove(key), refused, `remove ${JSON.stringify(key)}`);
      }
      assert.deepEqual(await keysOf(store), []);
    });

    test("lists everything, or what lies below a folder", async () => {
      await using opened = await open();
      const { store } = opened;
      const keys = Array.from({ length: rounds * 10 }, (_, index) => `${index % 3}/${index % 7}/${index}.jpg`);
      await Promise.all([...keys, "10/x.jpg", "1.jpg"].map((key) => store.put(key, bodyOf(key), image)));
      assert.equal((await keysOf(store)).length, keys.length + 2);
      assert.deepEqual(await keysOf(store, "1"), keys.filter((key) => key.startsWith("1/")).sort());
      assert.deepEqual(await keysOf(store, "1/2/"), keys.filter((key) => key.startsWith("1/2/")).sort());
      assert.deepEqual(await keysOf(store, "nowhere"), []);
      for await (const { size, key } of store.list("2")) assert.equal(size, key.length);
    });

    test("ends a listing and a sweep whose signal has aborted, and fails with its reason", async () => {
      await using opened = await open();
      const { store } = opened;
      await store.put("a/x.jpg", bodyOf("x"), image);
      const reason = new Error("no more");
      const signal = AbortSignal.abort(reason);
      const isReason = (error: unknown) => error === reason;
      await assert.rejects(Array.fromAsync(store.list("", { signal })), isReason);
      if (store.sweep !== undefined) await assert.rejects(store.sweep(0, signal), isReason);
      assert.deepEqual(await keysOf(store), ["a/x.jpg"]);
    });

    removalContract(open, { tickMs, rounds, keepsNewer: traits.keepsNewer === true });
  });
}

function pieces(content: string): Readable {
  const bytes = Buffer.from(content);
  return Readable.from(
    (async function* () {
      for (let at = 0; at < bytes.length; at += 65_536) {
        await turn();
        yield bytes.subarray(at, at + 65_536);
      }
    })(),
    { objectMode: false },
  );
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
