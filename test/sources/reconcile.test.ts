import assert from "node:assert/strict";
import { mkdir, rename, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Problem } from "../../src/errors.ts";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import {
  createReconcileSource,
  type ReconcileSource,
  type ReconcileSourceOptions,
} from "../../src/sources/reconcile.ts";
import type { Judgement } from "../../src/sources/settling.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { createFsStore } from "../../src/stores/fs.ts";
import { createMemoryStore } from "../../src/stores/memory.ts";
import type { Store } from "../../src/stores/store.ts";
import { createWebdavStore } from "../../src/stores/webdav.ts";
import { eventually } from "../contracts/eventually.ts";
import { makeCandidate } from "../contracts/jobs.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { startStandIn } from "../stores/http-stand-in.ts";
import { jpegOf } from "./pictures.ts";

const settleMs = 100;
const incompleteMs = 800;

async function openReconcile(options: Partial<ReconcileSourceOptions> = {}) {
  const folder = await temporaryFolder();
  const root = join(folder.path, "root");
  await mkdir(root);
  const sqlite = await openSqlite(":memory:");
  const ledger = await createSqliteLedger({ sqlite, installationKey: "test" });
  const problems: Problem[] = [];
  const source = createReconcileSource({
    name: "reconcile",
    route: "folder",
    store: createFsStore({ name: "input", root }),
    unseen: ledger.unseen,
    intervalMs: 300,
    settleMs,
    incompleteMs,
    onProblem: (problem) => problems.push(problem),
    ...options,
  });

  /** Admits each batch before it asks for the next one. */
  function admitAll(from: ReconcileSource = source) {
    const stop = new AbortController();
    const sizes: number[] = [];
    const keys: string[] = [];
    const ended = (async () => {
      for await (const batch of from.arrivals(stop.signal)) {
        sizes.push(batch.length);
        keys.push(...batch.map(({ key }) => key));
        await ledger.admit(batch.map((arrival) => makeCandidate(arrival)));
      }
    })();
    return {
      keys,
      sizes,
      async [Symbol.asyncDispose]() {
        stop.abort();
        await ended;
      },
    };
  }

  return {
    root,
    ledger,
    source,
    problems,
    admitAll,
    async [Symbol.asyncDispose]() {
      await sqlite.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe("a reconciled store", () => {
  test("finds at its start what came while veil was down, and on its interval what came since, each once", async () => {
    await using opened = await openReconcile();
    await mkdir(join(opened.root, "a/b"), { recursive: true });
    for (const key of ["x.jpg", "a/y.jpg", "a/b/z.jpg"]) await writeFile(join(opened.root, key), jpegOf(10));
    await sleep(settleMs);
    await using heard = opened.admitAll();
    await eventually("all are found", () => heard.keys.length === 3, 2000);
    await writeFile(join(opened.root, "late.jpg"), jpegOf(10));
    await eventually("the late one is found", () => heard.keys.includes("late.jpg"), 3000);
    await sleep(700);
    assert.deepEqual(heard.keys.toSorted(), ["a/b/z.jpg", "a/y.jpg", "late.jpg", "x.jpg"]);
  });

  test("finds nothing that the ledger has seen, until its version changes", async () => {
    await using opened = await openReconcile();
    await writeFile(join(opened.root, "x.jpg"), jpegOf(10));
    await sleep(settleMs);
    {
      await using heard = opened.admitAll();
      await eventually("it is found", () => heard.keys.length === 1);
    }
    await using heard = opened.admitAll();
    await sleep(700);
    assert.deepEqual(heard.keys, []);
    await writeFile(join(opened.root, "x.jpg"), jpegOf(11));
    await eventually("the new version is found", () => heard.keys.length === 1);
  });

  test("leaves what is still being written, and announces it when it is whole or has been cut off for long", async () => {
    await using opened = await openReconcile({ intervalMs: 60_000 });
    const bytes = jpegOf(5000);
    await writeFile(join(opened.root, "growing.jpg"), bytes.subarray(0, 2000));
    await writeFile(join(opened.root, "cut.jpg"), bytes.subarray(0, 3000));
    const began = Date.now();
    await using heard = opened.admitAll();
    await sleep(settleMs * 3);
    assert.deepEqual(heard.keys, []);
    await writeFile(join(opened.root, "growing.jpg"), bytes);
    await eventually("the whole one is announced", () => heard.keys.includes("growing.jpg"), 3000);
    await eventually("the cut one is announced", () => heard.keys.includes("cut.jpg"), 5000);
    assert.ok(Date.now() - began >= incompleteMs);
  });

  test("takes at its first look what has no end mark but is long done, and an old picture with its end cut off later", async () => {
    await using opened = await openReconcile({ intervalMs: 60_000, settleMs: 500 });
    const longAgo = new Date(Date.now() - 2 * 3_600_000);
    for (const [key, bytes] of [
      ["notes.txt", "hello"],
      ["cut.jpg", jpegOf(50).subarray(0, 40)],
    ] as const) {
      await writeFile(join(opened.root, key), bytes);
      await utimes(join(opened.root, key), longAgo, longAgo);
    }
    // As a store that knows no other time than the modification's.
    const store = createFsStore({ name: "input", root: opened.root });
    const list: typeof store.list = async function* (prefix) {
      for await (const { changedAt: _, ...info } of store.list(prefix)) yield info;
    };
    const { unseen } = opened.ledger;
    const source = createReconcileSource({
      ...{ name: "reconcile", route: "folder", unseen, intervalMs: 60_000, settleMs: 500, incompleteMs },
      store: { ...store, list },
    });
    await using heard = opened.admitAll(source);
    await eventually("the text is found", () => heard.keys.length > 0, 1800);
    assert.deepEqual(heard.keys, ["notes.txt"]);
    await eventually("the picture is found", () => heard.keys.includes("cut.jpg"), 5000);
  });

  test("waits for a copy that carries its source's old modification time and is not whole yet", async () => {
    await using opened = await openReconcile({ intervalMs: 60_000, settleMs: 500 });
    const longAgo = new Date(Date.now() - 2 * 3_600_000);
    const began = Date.now();
    await writeFile(join(opened.root, "notes.txt"), "hel");
    await utimes(join(opened.root, "notes.txt"), longAgo, longAgo);
    await using heard = opened.admitAll();
    await eventually("it is found", () => heard.keys.length > 0, 5000);
    assert.ok(Date.now() - began >= 2000, "its time was believed");
  });

  test("waits for what is not whole in its middle, or whose done-file is missing, and says why", async () => {
    const judged: Judgement[] = [];
    const done = new Set<string>();
    await using opened = await openReconcile({
      intervalMs: 300,
      onJudged: (judgement) => judged.push(judgement),
      waitsFor: async (key) => (done.has(key) ? undefined : `${key}.done is not there yet`),
    });
    await writeFile(join(opened.root, "a.jpg"), jpegOf(10));
    await using heard = opened.admitAll();
    await eventually("it waits", () => judged.some(({ verdict }) => verdict === "waits"));
    await sleep(1000);
    assert.deepEqual(heard.keys, []);
    assert.deepEqual(judged, [{ key: "a.jpg", verdict: "waits", reason: "a.jpg.done is not there yet" }]);
    done.add("a.jpg");
    await eventually("it is found", () => heard.keys.length === 1);
    assert.deepEqual(judged.at(-1), { key: "a.jpg", verdict: "taken", reason: "unchanged and whole" });

    // Its beginning and its end are there, and between them what a server has set aside.
    const holed = Buffer.alloc(400_000);
    Buffer.from([0xff, 0xd8, 0xff, 0xe0]).copy(holed);
    Buffer.from([0xff, 0xd9]).copy(holed, holed.length - 2);
    done.add("b.jpg");
    const began = Date.now();
    await writeFile(join(opened.root, "b.jpg"), holed);
    await eventually("it is found", () => heard.keys.includes("b.jpg"));
    assert.ok(Date.now() - began >= settleMs * 4, "its hole was not seen");
  });

  test("announces only what its route takes, and tells of all that it met", async () => {
    const listed: string[] = [];
    await using opened = await openReconcile({
      selects: (key) => key.endsWith(".jpg"),
      onListed: (objects) => listed.push(...objects.map(({ key }) => key)),
    });
    for (const key of ["a.jpg", "b.txt"]) await writeFile(join(opened.root, key), jpegOf(10));
    await using heard = opened.admitAll();
    await eventually("one is found", () => heard.keys.length === 1);
    assert.deepEqual(heard.keys, ["a.jpg"]);
    assert.deepEqual([...new Set(listed)].toSorted(), ["a.jpg", "b.txt"]);
  });

  test("does not trust a file server's clock that runs ahead or behind", async () => {
    await using opened = await openReconcile({ intervalMs: 60_000, incompleteMs: 2000 });
    for (const hours of [-5, 5]) {
      const wrong = new Date(Date.now() + hours * 3_600_000);
      await writeFile(join(opened.root, `half${hours}.jpg`), jpegOf(50).subarray(0, 40));
      await writeFile(join(opened.root, `whole${hours}.jpg`), jpegOf(50));
      for (const name of ["half", "whole"]) await utimes(join(opened.root, `${name}${hours}.jpg`), wrong, wrong);
    }
    await using heard = opened.admitAll();
    await eventually("the whole ones are found", () => heard.keys.length === 2, 1900);
    assert.deepEqual(heard.keys.toSorted(), ["whole-5.jpg", "whole5.jpg"]);
    await eventually("the others are found", () => heard.keys.length === 4);
  });

  test("looks again at once when asked to", async () => {
    await using opened = await openReconcile({ intervalMs: 60_000 });
    await using heard = opened.admitAll();
    await sleep(100);
    await writeFile(join(opened.root, "x.jpg"), jpegOf(10));
    await sleep(settleMs);
    assert.deepEqual(heard.keys, []);
    opened.source.lookNow();
    await eventually("it is found", () => heard.keys.length === 1, 2000);
  });

  test("ends at once while its store is silent, and takes no listing that was cut off for a whole one", async () => {
    await using server = await startStandIn(() => {});
    const silent = createWebdavStore({ name: "input", root: "", settings: { url: server.url } });
    const memory = createMemoryStore({ name: "input" });
    for (let index = 0; index < 600; index += 1) {
      await memory.put(`${index}.jpg`, Readable.from([jpegOf(10)]), { contentType: "image/jpeg" });
    }
    const interrupted: Store = {
      ...memory,
      async *list(prefix, options) {
        yield* memory.list(prefix);
        yield* silent.list(prefix, options);
      },
    };
    await using opened = await openReconcile();
    for (const store of [silent, interrupted]) {
      const passes: number[] = [];
      const told: Problem[] = [];
      const asked = server.requests.length;
      const source = createReconcileSource({
        ...{ name: "reconcile", route: "folder", store, unseen: opened.ledger.unseen, intervalMs: 60_000 },
        onPass: (tookMs) => void passes.push(tookMs),
        onBroken: (problem) => told.push(problem),
      });
      const heard = opened.admitAll(source);
      await eventually("it lists", () => server.requests.length > asked);
      const began = performance.now();
      await heard[Symbol.asyncDispose]();
      assert.ok(performance.now() - began < 1000, `it took ${performance.now() - began} ms`);
      assert.deepEqual([passes, told], [[], []]);
    }
    await silent.close();
  });

  test("takes a share that is offline for a trouble to report, not for an empty store or an end", async () => {
    await using opened = await openReconcile();
    await writeFile(join(opened.root, "x.jpg"), jpegOf(10));
    await rename(opened.root, `${opened.root}-away`);
    await using heard = opened.admitAll();
    await eventually("it is told more than once", () => opened.problems.length > 1);
    assert.ok(opened.problems.every(({ code }) => code === "store-unavailable"));
    assert.deepEqual(heard.keys, []);
    await rename(`${opened.root}-away`, opened.root);
    await eventually("it is found after all", () => heard.keys.length === 1);
  });

  test("finds all others beside one that can't be opened, whatever the server calls that", async () => {
    const memory = createMemoryStore({ name: "input" });
    const store: Store = {
      ...memory,
      // As vsftpd and servers of locked files say it.
      async get(key, options) {
        if (key === "shut.jpg") throw new Problem("store-unavailable", "550 Failed to open file");
        return memory.get(key, options);
      },
    };
    for (const key of ["shut.jpg", "x.jpg", "y.jpg"]) {
      await store.put(key, Readable.from([jpegOf(10)]), { contentType: "image/jpeg" });
    }
    await sleep(settleMs);
    await using opened = await openReconcile();
    const source = createReconcileSource({
      ...{ name: "reconcile", route: "folder", store, unseen: opened.ledger.unseen, intervalMs: 60_000 },
      ...{ settleMs, incompleteMs },
    });
    await using heard = opened.admitAll(source);
    await eventually("the others are found", () => heard.keys.length === 2, incompleteMs);
    await eventually("it is found too, and fails by its name", () => heard.keys.includes("shut.jpg"));
  });

  test("takes a store that its settings keep closed for a trouble of the route too", async () => {
    const store: Store = {
      ...createMemoryStore({ name: "input" }),
      // biome-ignore lint/correctness/useYield: a listing that does not begin
      async *list() {
        throw new Problem("invalid-config", "Cannot read ca.pem (caFile)");
      },
    };
    const stop = new AbortController();
    const told: string[] = [];
    const source = createReconcileSource({
      ...{ name: "reconcile", route: "wards", store, unseen: async () => [], intervalMs: 10 },
      onBroken(problem) {
        told.push(problem.code);
        if (told.length === 2) stop.abort();
      },
    });
    assert.deepEqual(await Array.fromAsync(source.arrivals(stop.signal)), []);
    assert.deepEqual(told, ["invalid-config", "invalid-config"]);
  });

  test("asks and announces a large store in batches", async () => {
    const store = createMemoryStore({ name: "input" });
    const put = (index: number) =>
      store.put(`${index}.jpg`, Readable.from([jpegOf(10)]), { contentType: "image/jpeg" });
    await Promise.all(Array.from({ length: 1200 }, (_, index) => put(index)));
    await sleep(settleMs);
    const asked: number[] = [];
    await using opened = await openReconcile();
    const source = createReconcileSource({
      name: "reconcile",
      route: "folder",
      store,
      async unseen(route, objects) {
        asked.push(objects.length);
        return (await opened.ledger.unseen(route, objects)) as typeof objects;
      },
      intervalMs: 60_000,
      settleMs,
    });
    await using heard = opened.admitAll(source);
    await eventually("all are found", () => heard.keys.length === 1200);
    assert.deepEqual(asked, [500, 500, 200]);
    assert.deepEqual(heard.sizes, [500, 500, 200]);
  });

  test("passes a failing ledger on, for nothing may be announced on a guess", async () => {
    await using opened = await openReconcile({ unseen: () => Promise.reject(new Error("the disk is gone")) });
    await writeFile(join(opened.root, "x.jpg"), jpegOf(10));
    const arrivals = opened.source.arrivals(AbortSignal.timeout(5000))[Symbol.asyncIterator]();
    await assert.rejects(Promise.resolve(arrivals.next()), /the disk is gone/);
  });
});
