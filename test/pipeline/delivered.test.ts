import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { JobState } from "../../src/core/job.ts";
import { createSerial, type Serial } from "../../src/core/serial.ts";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { createTombstones } from "../../src/ledger/tombstone.ts";
import { expire } from "../../src/pipeline/expire.ts";
import { settleOriginal } from "../../src/pipeline/originals.ts";
import { createRemovals } from "../../src/pipeline/removals.ts";
import { streamOf } from "../../src/pipeline/spool.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { asideOf } from "../../src/stores/aside.ts";
import { createFsStore } from "../../src/stores/fs.ts";
import { createMemoryStore } from "../../src/stores/memory.ts";
import type { Store } from "../../src/stores/store.ts";
import { makeCandidate } from "../contracts/jobs.ts";
import { admitOne } from "../contracts/ledger.ts";
import { keysOf, read, withCode } from "../contracts/store.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";

const type = { contentType: "image/jpeg" };
const { signal } = new AbortController();
const digestOf = (text: string) => createHash("sha256").update(text).digest("hex");

/** A route with outputs, and originals unless they lie elsewhere, in memory, and a real ledger. */
async function setUp(input: Store = createMemoryStore({ name: "input" })) {
  const sqlite = await openSqlite(":memory:");
  const ledger = await createSqliteLedger({ sqlite, installationKey: "test" });
  const [output, moved] = ["output", "moved"].map((name) => createMemoryStore({ name })) as [Store, Store];
  const stores = new Map([input, output, moved].map((store) => [store.name, store]));
  const put = (store: Store, key: string, text: string) => store.put(key, streamOf(Buffer.from(text)), type);
  return {
    ...{ ledger, input, output, moved, put },
    parts: {
      ...{ ledger, puts: createSerial(), bury: createTombstones("test") },
      storeOf: (name: string) => stores.get(name)!,
    },
    /** As if veil had masked `original` of that key. */
    async deliver(key: string, original = `face ${key}`) {
      const { version } = await put(input, key, original);
      const [admission] = await ledger.admit([makeCandidate({ key, version })]);
      const { job } = admission!.record;
      const masked = `masked ${original}`;
      const written = await put(output, key, masked);
      const detail = {
        input: { size: original.length, sha256: digestOf(original) },
        output: { version: written.version, size: masked.length, sha256: digestOf(masked), contentType: "image/jpeg" },
      };
      await ledger.append({ jobId: job.id, kind: "started", at: 1 });
      await ledger.append({ jobId: job.id, kind: "done", at: 1, ...detail });
      return { job, detail };
    },
    async stateOf(id: string): Promise<JobState | undefined> {
      return (await ledger.get(id))?.state;
    },
    [Symbol.asyncDispose]: () => sqlite.close(),
  };
}

describe("the original of what was delivered", () => {
  const move = { originals: { become: "move", to: "moved" } } as const;
  const remove = { originals: { become: "delete" } } as const;

  test("goes once its output reads back as it was delivered, and stays when it does not", async () => {
    await using parts = await setUp();
    const { job, detail } = await parts.deliver("a.jpg");
    await parts.put(parts.output, "a.jpg", "MASKED face a.jpg");
    await assert.rejects(settleOriginal(parts.parts, remove, job, detail), withCode("store-unavailable"));
    await parts.output.remove("a.jpg");
    await assert.rejects(settleOriginal(parts.parts, remove, job, detail), withCode("store-unavailable"));
    assert.deepEqual(await keysOf(parts.input), ["a.jpg"]);
    await parts.put(parts.output, "a.jpg", "masked face a.jpg");
    await settleOriginal(parts.parts, remove, job, detail);
    assert.deepEqual(await keysOf(parts.input), []);
  });

  test("stays when it is another one by then", async () => {
    await using parts = await setUp();
    const { job, detail } = await parts.deliver("a.jpg");
    await parts.put(parts.input, "a.jpg", "another face");
    await settleOriginal(parts.parts, remove, job, detail);
    assert.equal(String(await read(parts.input, "a.jpg")), "another face");
  });

  test("stays when it has come just as the one before is removed", async () => {
    await using parts = await setUp();
    const { job, detail } = await parts.deliver("a.jpg");
    const source: Store = {
      ...parts.input,
      async remove(key, options) {
        await parts.put(parts.input, "a.jpg", "another face");
        await parts.input.remove(key, options);
      },
    };
    const storeOf = (name: string) => (name === "input" ? source : parts.parts.storeOf(name));
    await settleOriginal({ ...parts.parts, storeOf }, remove, job, detail);
    assert.equal(String(await read(parts.input, "a.jpg")), "another face");
  });

  test("is moved whole, under a name of its own where another one has it, and once", async () => {
    await using parts = await setUp();
    await parts.put(parts.moved, "x/a.b.jpg", "an older one");
    const { job, detail } = await parts.deliver("x/a.b.jpg");
    await settleOriginal(parts.parts, move, job, detail);
    await settleOriginal(parts.parts, move, job, detail);
    const name = `x/a.b~${detail.input.sha256.slice(0, 12)}.jpg`;
    assert.deepEqual((await keysOf(parts.moved)).toSorted(), ["x/a.b.jpg", name]);
    assert.equal(String(await read(parts.moved, name)), "face x/a.b.jpg");
    assert.deepEqual(await keysOf(parts.input), []);
  });
});

describe("the original whose removal died in the middle", () => {
  const move = { originals: { become: "move", to: "moved" } } as const;
  const remove = { originals: { become: "delete" } } as const;

  async function setUpAside() {
    const folder = await temporaryFolder();
    const parts = await setUp(createFsStore({ name: "input", root: folder.path }));
    const { job, detail } = await parts.deliver("a.jpg");
    const aside = asideOf("a.jpg", job.input.version);
    await rename(join(folder.path, "a.jpg"), join(folder.path, aside));
    return {
      ...{ parts, job, detail, aside, root: folder.path, names: () => readdir(folder.path) },
      async [Symbol.asyncDispose]() {
        await parts[Symbol.asyncDispose]();
        await folder[Symbol.asyncDispose]();
      },
    };
  }

  test("goes when its job comes again, if its output is whole", async () => {
    await using opened = await setUpAside();
    const { parts, job, detail, aside } = opened;
    await parts.put(parts.output, "a.jpg", "MASKED face a.jpg");
    await settleOriginal(parts.parts, remove, job, detail);
    assert.deepEqual(await opened.names(), [aside]);
    await parts.put(parts.output, "a.jpg", "masked face a.jpg");
    await settleOriginal(parts.parts, remove, job, detail);
    assert.deepEqual(await opened.names(), []);
  });

  test("goes only if there is a copy, where it is moved", async () => {
    await using opened = await setUpAside();
    const { parts, job, detail, aside } = opened;
    await settleOriginal(parts.parts, move, job, detail);
    assert.deepEqual(await opened.names(), [aside]);
    await parts.put(parts.moved, "a.jpg", "face a.jpg");
    await settleOriginal(parts.parts, move, job, detail);
    assert.deepEqual(await opened.names(), []);
  });

  test("goes although a newer one has its name by now, which stays", async () => {
    await using opened = await setUpAside();
    const { parts, job, detail } = opened;
    await parts.put(parts.input, "a.jpg", "another face");
    await settleOriginal(parts.parts, remove, job, detail);
    assert.deepEqual(await opened.names(), ["a.jpg"]);
    assert.equal(String(await read(parts.input, "a.jpg")), "another face");
  });
});

describe("outputs of originals that are gone", () => {
  async function following(mostRemoved: number) {
    const parts = await setUp();
    const refused: string[] = [];
    const confirmed = { count: 0 };
    const removals = createRemovals({
      ...{ ledger: parts.ledger, route: "folder", input: parts.input, output: parts.output, mostRemoved },
      puts: parts.parts.puts,
      async confirmed() {
        const { count } = confirmed;
        confirmed.count = 0;
        return count;
      },
      now: () => 2,
      observe: () => {},
      onRefused: (message) => refused.push(message),
      onProblem: (problem) => assert.fail(problem),
    });
    async function pass(): Promise<void> {
      for await (const info of parts.input.list("")) removals.seen([info]);
      await removals.endOfPass(signal);
    }
    return { ...parts, refused, confirmed, removals, pass };
  }

  test("stay while a look could not tell of them", async () => {
    await using parts = await following(1);
    await parts.deliver("a.jpg");
    for (const key of ["b/x.jpg", "c.jpg"]) await parts.deliver(key);
    for (const key of ["b/x.jpg", "c.jpg"]) await parts.input.remove(key);
    for (let look = 0; look < 3; look += 1) {
      for (const hidden of ["b/", "c.jpg"]) parts.removals.unknown(hidden);
      await parts.pass();
      assert.ok(!parts.removals.waits());
    }
    assert.deepEqual(await keysOf(parts.output), ["a.jpg", "b/x.jpg", "c.jpg"]);
    for (let look = 0; look < 2; look += 1) await parts.pass();
    assert.deepEqual(await keysOf(parts.output), ["a.jpg"]);
    assert.deepEqual(parts.refused, []);
  });

  test("stay when the signal aborts before their turn", async () => {
    await using parts = await following(1);
    for (const key of ["a.jpg", "b.jpg"]) await parts.deliver(key);
    await parts.input.remove("a.jpg");
    await parts.pass();
    parts.removals.seen([{ key: "b.jpg" }]);
    await parts.removals.endOfPass(AbortSignal.abort());
    assert.deepEqual(await keysOf(parts.output), ["a.jpg", "b.jpg"]);
    await parts.pass();
    assert.deepEqual(await keysOf(parts.output), ["b.jpg"]);
  });

  test("go after two complete looks, if they are what veil wrote", async () => {
    await using parts = await following(0.5);
    const jobs = await Promise.all(["a", "b", "c", "d"].map((key) => parts.deliver(key)));
    await parts.pass();
    await parts.input.remove("a");
    await parts.pass();
    assert.equal((await keysOf(parts.output)).length, 4, "one look is enough");
    parts.removals.seen([]);
    parts.removals.abandon();
    await parts.pass();
    assert.deepEqual((await keysOf(parts.output)).toSorted(), ["b", "c", "d"]);
    assert.equal(await parts.stateOf(jobs[0]!.job.id), "removed");

    await parts.put(parts.output, "b", "somebody's own");
    await parts.input.remove("b");
    await parts.pass();
    await parts.pass();
    assert.equal(String(await read(parts.output, "b")), "somebody's own");
    assert.deepEqual(parts.refused, []);
  });

  test("stay when too many are gone at once or nothing is left, until as many are confirmed", async () => {
    await using parts = await following(0.25);
    for (const key of ["a", "b", "c", "d"]) await parts.deliver(key);
    for (const key of ["a", "b"]) await parts.input.remove(key);
    for (let i = 0; i < 3; i++) await parts.pass();
    assert.equal((await keysOf(parts.output)).length, 4);
    assert.deepEqual(parts.refused, [
      "2 of 4 originals of route folder are gone at once: their masked pictures stay until that is confirmed",
    ]);
    for (const key of ["c", "d"]) await parts.input.remove(key);
    await parts.pass();
    parts.confirmed.count = 2;
    await parts.pass();
    assert.equal((await keysOf(parts.output)).length, 4, "fewer were confirmed than are gone");
    parts.confirmed.count = 4;
    await parts.pass();
    assert.deepEqual(await keysOf(parts.output), []);
    assert.equal(parts.refused.length, 2);
  });

  test("stay whatever the share where the input is empty", async () => {
    await using parts = await following(1);
    await parts.deliver("a");
    await parts.input.remove("a");
    for (let i = 0; i < 3; i++) await parts.pass();
    assert.deepEqual(await keysOf(parts.output), ["a"]);
    assert.equal(parts.refused.length, 1);
  });

  test("are missed at once in an input that was empty before the first of them, too", async () => {
    await using parts = await following(1);
    await parts.pass();
    await parts.deliver("a");
    await parts.input.remove("a");
    await parts.pass();
    assert.equal(parts.refused.length, 1);
  });
});

describe("a removal and a put of the same output", () => {
  /** Tells when somebody waits behind what runs; then a newer result is put, of the same bytes and under the same name. */
  async function withPutBefore(remove: (parts: Awaited<ReturnType<typeof setUp>>, puts: Serial) => Promise<void>) {
    const parts = await setUp();
    const { puts } = parts.parts;
    const old = await parts.deliver("a.jpg");
    const asked = Promise.withResolvers<void>();
    const listening: Serial = {
      run(key, work) {
        asked.resolve();
        return puts.run(key, work);
      },
    };
    const next = Promise.withResolvers<void>();
    const putting = puts.run("output/a.jpg", async () => {
      await next.promise;
      await parts.deliver("a.jpg");
    });
    const removing = remove(parts, listening);
    await Promise.race([asked.promise, removing]);
    next.resolve();
    await Promise.all([putting, removing]);
    return { parts, old };
  }
  const rest = {
    ...{ route: "folder", signal },
    now: () => 9,
    observe: () => {},
    onProblem: (problem: Error) => assert.fail(problem),
  };

  test("wait for each other, and a newer result stays when an older one's time is over", async () => {
    const { parts } = await withPutBefore((parts, puts) => expire({ ...parts, ...rest, puts }, 2));
    await using _ = parts;
    assert.deepEqual(await keysOf(parts.output), ["a.jpg"]);
  });

  test("wait for each other, and no result is put between a look at an older one and its removal", async () => {
    await using parts = await setUp();
    const { puts } = parts.parts;
    const old = await parts.deliver("a.jpg");
    let isHeld = false;
    let putting: Promise<unknown> | undefined;
    const listening: Serial = {
      run: (key, work) =>
        puts.run(key, async () => {
          isHeld = true;
          return await work();
        }),
    };
    const output: Store = {
      ...parts.output,
      async remove(key) {
        putting = puts.run("output/a.jpg", () => parts.deliver("a.jpg", "another face"));
        if (!isHeld) await putting;
        await parts.output.remove(key);
      },
    };
    await expire({ ...parts, ...rest, output, puts: listening }, 2);
    await putting;
    assert.equal(await parts.stateOf(old.job.id), "expired");
    assert.equal(String(await read(parts.output, "a.jpg")), "masked another face");
  });

  test("wait for each other, and a result whose original came back meanwhile stays", async () => {
    const { parts, old } = await withPutBefore(async (parts, puts) => {
      const removals = createRemovals({
        ...{ ...parts, ...rest, puts, mostRemoved: 1, confirmed: async () => 0 },
        onRefused: (message) => assert.fail(message),
      });
      await parts.input.remove("a.jpg");
      for (let pass = 0; pass < 2; pass += 1) {
        removals.seen([{ key: "another" }]);
        await removals.endOfPass(signal);
      }
    });
    await using _ = parts;
    assert.deepEqual(await keysOf(parts.output), ["a.jpg"]);
    assert.equal(await parts.stateOf(old.job.id), "done");
  });
});

test("outputs whose time is over go, their originals stay and are not taken again", async () => {
  await using parts = await setUp();
  const { job } = await parts.deliver("a.jpg");
  const rest = {
    ...parts,
    ...parts.parts,
    ...{ route: "folder", signal },
    now: () => 9,
    observe: () => {},
    onProblem: () => assert.fail("a problem"),
  };
  await expire(rest, 1);
  assert.deepEqual(await keysOf(parts.output), ["a.jpg"]);
  await expire(rest, 2);
  assert.deepEqual(await keysOf(parts.output), []);
  assert.equal(await parts.stateOf(job.id), "expired");
  const objects = [(await parts.input.head("a.jpg"))!];
  assert.deepEqual(await parts.ledger.unseen("folder", objects), []);
});

test("a result's time is also over where a newer version came to nothing, and not while one may still come", async () => {
  await using parts = await setUp();
  const { job } = await parts.deliver("a.jpg");
  const rest = {
    ...{ ...parts, ...parts.parts, route: "folder", signal },
    ...{ now: () => 9, observe: () => {}, onProblem: assert.fail },
  };
  const { job: newer } = await admitOne(parts.ledger, { key: "a.jpg", version: "newer" });
  await expire(rest, 5);
  assert.deepEqual(await keysOf(parts.output), ["a.jpg"]);
  await parts.ledger.append({ jobId: newer.id, kind: "dead", at: 3 });
  await expire(rest, 5);
  assert.deepEqual(await keysOf(parts.output), []);
  assert.equal(await parts.stateOf(job.id), "expired");
});
