import assert from "node:assert/strict";
import { appendFile, mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Problem } from "../../src/errors.ts";
import { createWatchSource, type WatchSourceOptions } from "../../src/sources/watch.ts";
import { createFsStore } from "../../src/stores/fs.ts";
import { eventually } from "../contracts/eventually.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { listen } from "./listen.ts";
import { jpegOf } from "./pictures.ts";

const settleMs = 150;
const incompleteMs = 1200;

async function openWatch(options: Partial<WatchSourceOptions> = {}) {
  const folder = await temporaryFolder();
  const root = join(folder.path, "root");
  await mkdir(root);
  const store = createFsStore({ name: "input", root });
  const problems: Problem[] = [];
  let hintsLost = 0;
  const source = createWatchSource({
    name: "watch",
    route: "folder",
    store,
    settleMs,
    incompleteMs,
    onHintsLost: () => {
      hintsLost += 1;
    },
    onProblem: (problem) => problems.push(problem),
    ...options,
  });
  const begun = () => eventually("the watch has begun", () => hintsLost > 0);
  return {
    source,
    store,
    root,
    problems,
    begun,
    outside: folder.path,
    [Symbol.asyncDispose]: folder[Symbol.asyncDispose],
  };
}

describe("a watched store", () => {
  test("announces a whole picture once, with its version, soon after it has settled", async () => {
    await using opened = await openWatch();
    await using heard = listen(opened.source);
    await opened.begun();
    await mkdir(join(opened.root, "2024/夏"), { recursive: true });
    await writeFile(join(opened.root, "2024/夏/a b.jpg"), jpegOf(100_000));
    await eventually("it is announced", () => heard.batches.length > 0, settleMs + 2000);
    const info = await opened.store.head("2024/夏/a b.jpg");
    assert.deepEqual(heard.batches, [[{ key: "2024/夏/a b.jpg", version: info?.version }]]);
    await sleep(settleMs * 3);
    assert.equal(heard.batches.length, 1);
  });

  test("waits for a picture that is written slowly, with pauses longer than the settling time", async () => {
    await using opened = await openWatch();
    await using heard = listen(opened.source);
    await opened.begun();
    const bytes = jpegOf(4000);
    const path = join(opened.root, "slow.jpg");
    for (let at = 0; at < bytes.length; at += 1000) {
      await appendFile(path, bytes.subarray(at, at + 1000));
      assert.deepEqual(heard.batches, [], `announced after ${at} bytes`);
      if (at + 1000 < bytes.length) await sleep(settleMs * 2.5);
    }
    await eventually("it is announced", () => heard.batches.length > 0);
    assert.equal(heard.batches[0]?.[0]?.version, (await opened.store.head("slow.jpg"))?.version);
    assert.equal(heard.keys().length, 1);
  });

  test("waits for a picture whose room a file server has set aside before the bytes come", async () => {
    await using opened = await openWatch();
    await using heard = listen(opened.source);
    await opened.begun();
    const bytes = jpegOf(50_000);
    const file = await open(join(opened.root, "reserved.jpg"), "w");
    await file.truncate(bytes.length);
    await file.write(bytes, 0, 1000, 0);
    await sleep(settleMs * 3);
    assert.deepEqual(heard.batches, []);
    await file.write(bytes, 1000, bytes.length - 1000, 1000);
    await file.close();
    await eventually("it is announced", () => heard.batches.length > 0);
  });

  test("announces a picture that stays cut off all the same, once it has been quiet for long", async () => {
    await using opened = await openWatch();
    await using heard = listen(opened.source);
    await opened.begun();
    const before = Date.now();
    await writeFile(join(opened.root, "cut.jpg"), jpegOf(5000).subarray(0, 3000));
    await writeFile(join(opened.root, "empty.jpg"), "");
    await eventually("both are announced", () => heard.keys().length === 2);
    assert.ok(Date.now() - before >= incompleteMs, `after ${Date.now() - before} ms`);
  });

  test("announces what is no picture: it is skipped by name, not forgotten", async () => {
    await using opened = await openWatch();
    await using heard = listen(opened.source);
    await opened.begun();
    await writeFile(join(opened.root, "notes.txt"), "hello");
    await eventually("it is announced", () => heard.keys().includes("notes.txt"));
  });

  test("forgets what is gone before it has settled, and follows a renaming", async () => {
    await using opened = await openWatch();
    await using heard = listen(opened.source);
    await opened.begun();
    await writeFile(join(opened.root, "gone.jpg"), jpegOf(10));
    await writeFile(join(opened.root, "upload.tmp"), jpegOf(10));
    await sleep(settleMs / 3);
    await rm(join(opened.root, "gone.jpg"));
    await rename(join(opened.root, "upload.tmp"), join(opened.root, "final.jpg"));
    await eventually("the new name is announced", () => heard.keys().includes("final.jpg"));
    await sleep(settleMs * 2);
    assert.deepEqual(heard.keys(), ["final.jpg"]);
  });

  test("announces a new version of what it has announced", async () => {
    await using opened = await openWatch();
    await using heard = listen(opened.source);
    await opened.begun();
    await writeFile(join(opened.root, "x.jpg"), jpegOf(10));
    await eventually("the first is announced", () => heard.keys().length === 1);
    await writeFile(join(opened.root, "x.jpg"), jpegOf(20));
    await eventually("the second is announced", () => heard.keys().length === 2);
    const versions = heard.batches.flat().map(({ version }) => version);
    assert.equal(versions[1], (await opened.store.head("x.jpg"))?.version);
    assert.notEqual(versions[0], versions[1]);
  });

  test("announces a batch again that could not be admitted", async () => {
    await using opened = await openWatch();
    const signal = AbortSignal.timeout(10_000);
    const first = opened.source.arrivals(signal)[Symbol.asyncIterator]();
    const next = first.next();
    await opened.begun();
    await writeFile(join(opened.root, "x.jpg"), jpegOf(10));
    const { value: refused } = await next;
    await first.return?.();
    const second = opened.source.arrivals(signal)[Symbol.asyncIterator]();
    const { value: again } = await second.next();
    assert.deepEqual(again, refused);
    await second.return?.();
  });

  test("gathers a thousand pictures in few batches, each once", async () => {
    await using opened = await openWatch();
    await using heard = listen(opened.source);
    await opened.begun();
    const keys = Array.from({ length: 1000 }, (_, index) => `${index % 20}/${index}.jpg`);
    for (let folder = 0; folder < 20; folder += 1) await mkdir(join(opened.root, String(folder)));
    for (const key of keys) await writeFile(join(opened.root, key), jpegOf(20));
    await eventually("all are announced", () => new Set(heard.keys()).size === 1000, 15_000);
    assert.equal(heard.keys().length, 1000);
    assert.ok(heard.batches.length <= 200, `${heard.batches.length} batches`);
  });

  test("says that hints were lost when more come than it will remember, and stays small", async () => {
    let hintsLost = 0;
    const keys = Array.from({ length: 100_000 }, (_, index) => `${index}.jpg`);
    await using opened = await openWatch();
    const flooding = {
      ...opened.store,
      head: async (key: string) => ({ key, version: String(performance.now()), size: 1, modifiedAt: 0 }),
      async *watch(signal: AbortSignal) {
        for (let at = 0; at < keys.length; at += 1000) yield keys.slice(at, at + 1000);
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
    };
    const source = createWatchSource({
      name: "watch",
      route: "folder",
      store: flooding,
      onHintsLost: () => {
        hintsLost += 1;
      },
    });
    await using heard = listen(source);
    await eventually("it says so", () => hintsLost >= 90);
    assert.deepEqual(heard.batches, []);
  });

  test("fails when the store cannot be watched, so that whoever runs it tries again", async () => {
    await using opened = await openWatch();
    await rm(opened.root, { recursive: true });
    const arrivals = opened.source.arrivals(AbortSignal.timeout(5000))[Symbol.asyncIterator]();
    await assert.rejects(Promise.resolve(arrivals.next()), { code: "store-unavailable" });
  });
});
