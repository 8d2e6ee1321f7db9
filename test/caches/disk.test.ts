import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { clearDiskCache, createDiskCache } from "../../src/caches/disk.ts";
import { cacheContract, keyOf } from "../contracts/cache.ts";
import { withCode } from "../contracts/store.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";

const [a, b, c, d] = ["a", "b", "c", "d"].map(keyOf) as [string, string, string, string];

async function open(maxBytes = 40_000_000) {
  const root = await temporaryFolder();
  const folder = join(root.path, "cache");
  let time = Date.now();
  const now = () => time;
  const start = () => createDiskCache({ folder, maxBytes, now });
  const cache = await start();
  return {
    ...{ cache, folder, now, start },
    async pass(ms: number) {
      time += ms;
    },
    async spoil(key: string, change: (stored: Buffer) => Buffer) {
      const [name] = (await readdir(folder)).filter((it) => it.startsWith(key));
      const path = join(folder, name!);
      await writeFile(path, change(await readFile(path)));
    },
    [Symbol.asyncDispose]: () => root[Symbol.asyncDispose](),
  };
}

cacheContract("disk", () => open());

describe("a cache on disk", () => {
  test("lies in an owner-only folder, one owner-only file a value", async () => {
    await using opened = await open();
    await opened.cache.set(a, Buffer.from("masked"), opened.now() + 60_000);
    const mode = async (path: string) => (await stat(path)).mode & 0o777;
    assert.equal(await mode(opened.folder), 0o700);
    const names = await readdir(opened.folder);
    assert.equal(names.length, 1);
    assert.equal(await mode(join(opened.folder, names[0]!)), 0o600);
    await chmod(opened.folder, 0o755);
    await opened.start();
    assert.equal(await mode(opened.folder), 0o700, "and is made so again");
  });

  test("never grows beyond its size: what was not used for longest goes, also before a restart", async () => {
    await using opened = await open(3 * 1032);
    const { cache, folder, start } = opened;
    for (const key of [a, b, c]) {
      await cache.set(key, Buffer.alloc(1000), opened.now() + 3_600_000);
      await opened.pass(1000);
    }
    assert.equal((await cache.get(a))?.length, 1000);
    await opened.pass(1000);
    const again = await start();
    assert.equal(again.bytes?.(), 3 * 1032);
    await again.set(d, Buffer.alloc(1000), opened.now() + 3_600_000);
    const lengths = await Promise.all([a, b, c, d].map(async (key) => (await again.get(key))?.length));
    assert.deepEqual(lengths, [1000, undefined, 1000, 1000]);
    assert.equal((await readdir(folder)).length, 3);
    const sizes = await Promise.all((await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size));
    assert.ok(sizes.reduce((sum, size) => sum + size) <= 3 * 1032);
  });

  test("a smaller limit applies at the next start", async () => {
    await using opened = await open();
    for (const key of [a, b, c]) await opened.cache.set(key, Buffer.alloc(1000), opened.now() + 60_000);
    const small = await createDiskCache({ folder: opened.folder, maxBytes: 2100, now: opened.now });
    assert.equal(small.bytes?.(), 2064);
    assert.equal((await readdir(opened.folder)).length, 2);
  });

  test("what a killed process left half written is no value, and goes; what is not veil's stays", async () => {
    await using opened = await open();
    const { cache, folder, start, now } = opened;
    await cache.set(a, Buffer.alloc(5000, 1), now() + 60_000);
    const [whole] = await readdir(folder);
    const bytes = await readFile(join(folder, whole!));
    await writeFile(join(folder, "0d2c.part"), bytes.subarray(0, 900));
    // A power cut can leave a renamed file whose bytes never came to the disk.
    await writeFile(join(folder, `${b}.${now() + 60_000}`), bytes.subarray(0, 900));
    await writeFile(join(folder, "notes.txt"), "somebody's");
    await mkdir(join(folder, "folder"));
    const again = await start();
    assert.equal(await again.get(b), undefined);
    assert.equal((await again.get(a))?.length, 5000);
    assert.deepEqual((await readdir(folder)).sort(), [whole, "folder", "notes.txt"].sort());
  });

  test("expired files go at the start and when it is swept", async () => {
    await using opened = await open();
    const { cache, folder, start, now } = opened;
    await cache.set(a, Buffer.from("1"), now() + 1000);
    await cache.set(b, Buffer.from("2"), now() + 5000);
    await opened.pass(2000);
    await cache.sweep?.();
    assert.deepEqual((await readdir(folder)).length, 1);
    await opened.pass(5000);
    await start();
    assert.deepEqual(await readdir(folder), []);
  });

  test("is cleared with its folder, or without it where something else lies there", async () => {
    await using opened = await open();
    const { cache, folder, now } = opened;
    await cache.set(a, Buffer.from("1"), now() + 1000);
    await writeFile(join(folder, "notes.txt"), "somebody's");
    await clearDiskCache(folder);
    assert.deepEqual(await readdir(folder), ["notes.txt"]);
    await rm(join(folder, "notes.txt"));
    for (let i = 0; i < 2; i++) await clearDiskCache(folder);
    await assert.rejects(stat(folder), { code: "ENOENT" });
  });

  test("a folder that can't be made is a Problem", async () => {
    await using root = await temporaryFolder();
    await writeFile(join(root.path, "file"), "");
    const folder = join(root.path, "file", "cache");
    await assert.rejects(createDiskCache({ folder, maxBytes: 1000 }), withCode("store-unavailable"));
  });

  test("a file that disappears is a miss", async () => {
    await using opened = await open();
    const { cache, folder, now } = opened;
    await cache.set(a, Buffer.from("1"), now() + 1000);
    await rm(folder, { recursive: true });
    assert.equal(await cache.get(a), undefined);
    await assert.rejects(cache.set(a, Buffer.from("1"), now() + 1000), withCode("store-unavailable"));
    assert.equal(cache.bytes?.(), 0);
  });
});
