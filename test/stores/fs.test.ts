import assert from "node:assert/strict";
import { execFile, fork } from "node:child_process";
import { once } from "node:events";
import { constants, mkdirSync, renameSync, rmdirSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Problem } from "../../src/errors.ts";
import { asideOf } from "../../src/stores/aside.ts";
import { createFsStore, type FsStore } from "../../src/stores/fs.ts";
import { createMountMemory } from "../../src/stores/fs-mount.ts";
import { createTree } from "../../src/stores/fs-tree.ts";
import { eventually } from "../contracts/eventually.ts";
import { failsReadingsOfWhatChanges, saysThatTheRootIsAway, sweepsItsOwnOldFile } from "../contracts/folder-store.ts";
import { oddKeys } from "../contracts/odd-keys.ts";
import { bodyOf, keysOf, read, storeContract, withCode } from "../contracts/store.ts";
import { asideContract } from "../contracts/store-asides.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { mountTmpfs } from "./tmpfs.ts";

const run = promisify(execFile);
const image = { contentType: "image/jpeg" };

async function openStore(takesOriginals = false) {
  const folder = await temporaryFolder();
  const problems: Problem[] = [];
  const root = join(folder.path, "root");
  await mkdir(root);
  const store = createFsStore({ name: "fs", root, onProblem: (problem) => problems.push(problem), takesOriginals });
  return { store, root, outside: folder.path, problems, [Symbol.asyncDispose]: folder[Symbol.asyncDispose] };
}

storeContract("fs", () => openStore(), { keepsNewer: true });

describe("the fs store and removals that die in the middle", () => {
  asideContract(openStore);

  test("keeps the file of one that is killed, and goes on with it", async () => {
    await using opened = await openStore();
    const { version } = await opened.store.put("x.jpg", bodyOf("x"), image);
    const child = fork(join(import.meta.dirname, "fs-remover.ts"), [opened.root]);
    const [, signal] = await once(child, "exit");
    assert.equal(signal, "SIGKILL");
    assert.deepEqual(await readdir(opened.root), [asideOf("x.jpg", version)]);
    await opened.store.remove("x.jpg", { ifMatch: version });
    assert.deepEqual(await readdir(opened.root), []);
  });

  test("knows no such name where no original is ever taken away: it is an object like any other", async () => {
    await using folder = await temporaryFolder();
    const store = createFsStore({ name: "inbox", root: folder.path });
    const name = "of a client~removing-deadbeef.jpg";
    await writeFile(join(folder.path, name), "x");
    assert.deepEqual(
      (await Array.fromAsync(store.list(""))).map(({ key }) => key),
      [name],
    );
    await store.close();
  });

  test("names nothing that lies aside in a watch", async () => {
    await using opened = await openStore();
    await using watched = watchStore(opened.store);
    await eventually("the watch has begun", () => watched.batches.length > 0);
    const { version } = await opened.store.put("x.jpg", bodyOf("x"), image);
    await rename(join(opened.root, "x.jpg"), join(opened.root, asideOf("x.jpg", version)));
    await writeFile(join(opened.root, "last.jpg"), "x");
    await eventually("the last one is named", () => watched.keys().includes("last.jpg"));
    assert.ok(!watched.keys().some((key) => key.includes("removing")), watched.keys().join(" "));
  });
});

describe("the fs store and what else lives on a disk", () => {
  test("gives what is put the permission bits that it was told, from its first byte on", async () => {
    await using folder = await temporaryFolder();
    const modeOf = async (name: string) => ((await stat(join(folder.path, name))).mode & 0o777).toString(8);
    const store = createFsStore({ name: "fs", root: folder.path, mode: 0o600 });
    const beforeVisible = async () => {
      const [part] = await readdir(folder.path);
      assert.equal(await modeOf(part!), "600", part);
    };
    await store.put("own.jpg", bodyOf("x"), { ...image, beforeVisible });
    assert.equal(await modeOf("own.jpg"), "600");
    await store.put("given.jpg", bodyOf("x"), { ...image, attributes: { mode: 0o640 } });
    assert.equal(await modeOf("given.jpg"), "640");
    await createFsStore({ name: "fs", root: folder.path }).put("plain.jpg", bodyOf("x"), image);
    assert.equal(await modeOf("plain.jpg"), (0o666 & ~process.umask()).toString(8));
  });

  test("follows no symbolic link, in or out, for reading or for writing", async () => {
    await using opened = await openStore();
    const { store, root, outside } = opened;
    await mkdir(join(outside, "secret"));
    await writeFile(join(outside, "secret", "x.jpg"), "secret");
    await symlink(join(outside, "secret", "x.jpg"), join(root, "file.jpg"));
    await symlink(join(outside, "secret"), join(root, "folder"));
    await mkdir(join(root, "real"));
    await symlink(join(root, "real"), join(root, "inner"));
    assert.deepEqual(await keysOf(store), []);
    await writeFile(join(root, "real.jpg"), "real");
    await symlink(join(root, "real.jpg"), join(root, "inner.jpg"));
    for (const key of ["file.jpg", "folder/x.jpg", "inner.jpg"]) {
      await assert.rejects(store.get(key), withCode("invalid-request"), key);
    }
    assert.equal(await store.head("file.jpg"), undefined);
    for (const key of ["folder/y.jpg", "folder/deep/y.jpg", "inner/y.jpg"]) {
      await assert.rejects(store.put(key, bodyOf("y"), image), withCode("invalid-request"), key);
    }
    await assert.rejects(store.put("file.jpg", bodyOf("y"), image), withCode("already-exists"));
    await assert.rejects(store.remove("folder/x.jpg"), withCode("invalid-request"));
    await store.remove("file.jpg");
    assert.deepEqual(await readdir(join(outside, "secret")), ["x.jpg"]);
    assert.equal(await readFile(join(outside, "secret", "x.jpg"), "utf8"), "secret");
    assert.deepEqual(await readdir(join(root, "real")), []);
  });

  test("closes what it has opened outside, where a link took a folder's place at the last moment", {
    skip: noProc(),
  }, async () => {
    await using opened = await openStore();
    await mkdir(join(opened.outside, "secret"));
    await symlink(join(opened.outside, "secret"), join(opened.root, "folder"));
    await writeFile(join(opened.outside, "secret/x.jpg"), "secret");
    const { openWithin } = createTree(opened.root, createMountMemory());
    await assert.rejects(
      openWithin(join(opened.root, "folder/x.jpg"), constants.O_RDONLY),
      withCode("invalid-request"),
    );
  });

  test("may itself be reached through a symbolic link", async () => {
    await using opened = await openStore();
    await symlink(opened.root, join(opened.outside, "alias"));
    const store = createFsStore({ name: "alias", root: join(opened.outside, "alias") });
    await store.put("a/x.jpg", bodyOf("x"), image);
    assert.equal(String(await read(store, "a/x.jpg")), "x");
    assert.deepEqual(await keysOf(store), ["a/x.jpg"]);
  });

  test("fails a reading during which the file grew, shrank, or was written over", async () => {
    await using opened = await openStore();
    await failsReadingsOfWhatChanges(opened, 2_000_000);
  });

  test("still reads the old file to its end when another one takes its name", async () => {
    await using opened = await openStore();
    const { store } = opened;
    await store.put("x.jpg", bodyOf(Buffer.alloc(2_000_000, 1)), image);
    const { stream } = await store.get("x.jpg");
    await store.put("x.jpg", bodyOf("new"), image);
    assert.equal(Buffer.concat(await stream.toArray()).compare(Buffer.alloc(2_000_000, 1)), 0);
  });

  test("says store-unavailable, and makes nothing, when the root is not there", async () => {
    await using opened = await openStore();
    const { store, root } = opened;
    await store.put("x.jpg", bodyOf("x"), image);
    await saysThatTheRootIsAway(opened);
    await assert.rejects(
      store.watch(AbortSignal.timeout(1000))[Symbol.asyncIterator]().next(),
      withCode("store-unavailable"),
    );
    assert.deepEqual(await readdir(opened.outside), ["root-away"]);
    await rename(`${root}-away`, root);
    assert.deepEqual(await keysOf(store), ["x.jpg"]);
  });

  test("says store-full when the disk is, and leaves nothing behind", async (context) => {
    await using opened = await openStore();
    await using mounted = await mountTmpfs(context, opened.root);
    if (!mounted) return;
    await assert.rejects(opened.store.put("x.jpg", bodyOf(Buffer.alloc(3_000_000)), image), withCode("store-full"));
    assert.deepEqual(await readdir(opened.root), []);
    await opened.store.put("x.jpg", bodyOf("small"), image);
  });

  test("tells an unreadable folder, lists the rest, and says store-denied for what lies in it", async () => {
    await using opened = await openStore();
    const { store, root, problems, outside } = opened;
    for (const key of ["a/x.jpg", "locked/y.jpg", "z.jpg"]) await store.put(key, bodyOf(key), image);
    await chmod(outside, 0o755);
    await chmod(join(root, "locked"), 0o000);
    await asNobody(async () => {
      const unknown: string[] = [];
      const listed = await Array.fromAsync(store.list("", { onUnknown: (prefix) => unknown.push(prefix) }));
      assert.deepEqual(listed.map(({ key }) => key).toSorted(), ["a/x.jpg", "z.jpg"]);
      assert.deepEqual([problems.map(({ code }) => code), unknown], [["store-denied"], ["locked/"]]);
      assert.match(problems[0]!.message, /locked/);
      await assert.rejects(store.get("locked/y.jpg"), withCode("store-denied"));
      await assert.rejects(store.put("locked/y.jpg", bodyOf("y"), image), withCode("store-denied"));
    });
    await chmod(root, 0o000);
    await asNobody(() => assert.rejects(keysOf(store), withCode("store-denied")));
    await chmod(root, 0o755);
    await chmod(join(root, "locked"), 0o755);
  });

  test("passes over what systems keep for themselves and its own unfinished files", async () => {
    await using opened = await openStore();
    const { store, root } = opened;
    const hidden = [
      ".DS_Store",
      "a/Thumbs.db",
      "a/desktop.ini",
      "@eaDir/x.jpg/SYNOPHOTO_THUMB_XL.jpg",
      "#recycle/x.jpg",
    ];
    const more = [
      "$RECYCLE.BIN/x.jpg",
      ".Trash-1000/files/x.jpg",
      ".snapshot/hourly/x.jpg",
      ".veil-0/x.jpg",
      ".veil-x.part",
      "._photo.jpg",
      "a/~$letter.docx",
      ".~lock.table.ods#",
    ];
    for (const key of [...hidden, ...more, "a/photo.jpg", ".photo.jpg", "a/~photo.jpg", "eaDir/x.jpg"]) {
      await mkdir(join(root, key, ".."), { recursive: true });
      await writeFile(join(root, key), key);
    }
    assert.deepEqual(await keysOf(store), [".photo.jpg", "a/photo.jpg", "a/~photo.jpg", "eaDir/x.jpg"]);
    await assert.rejects(store.put(".veil-0/x.jpg", bodyOf("x"), image), withCode("invalid-request"));
  });

  test("sweeps away what interrupted puts left a day ago, and nothing else", async () => {
    await using opened = await openStore();
    await sweepsItsOwnOldFile(opened);
  });

  test("tells a name that is not UTF-8 instead of losing the file", async () => {
    await using opened = await openStore();
    const { store, root, problems } = opened;
    await writeFile(Buffer.concat([Buffer.from(join(root, "caf")), Buffer.from([0xe9]), Buffer.from(".jpg")]), "x");
    await mkdir(Buffer.concat([Buffer.from(join(root, "f")), Buffer.from([0xe9])]));
    assert.deepEqual(await keysOf(store), []);
    assert.deepEqual(
      problems.map(({ code }) => code),
      ["invalid-request", "invalid-request"],
    );
  });

  test("does not wait at a pipe or read a device", { timeout: 5000 }, async () => {
    await using opened = await openStore();
    await run("mkfifo", [join(opened.root, "pipe.jpg")]);
    await assert.rejects(opened.store.get("pipe.jpg"), withCode("not-found"));
    assert.deepEqual(await keysOf(opened.store), []);
  });

  test("says already-exists where a folder and a file are in each other's way", async () => {
    await using opened = await openStore();
    await opened.store.put("a/b.jpg", bodyOf("x"), image);
    await assert.rejects(opened.store.put("a", bodyOf("x"), image), withCode("already-exists"));
    await assert.rejects(opened.store.put("a/b.jpg/c.jpg", bodyOf("x"), image), withCode("already-exists"));
    await opened.store.remove("a");
    assert.deepEqual(await keysOf(opened.store), ["a/b.jpg"]);
    assert.deepEqual(await readdir(join(opened.root, "a")), ["b.jpg"]);
  });

  test("refuses a name that is too long by name", async () => {
    await using opened = await openStore();
    await assert.rejects(opened.store.put("x".repeat(300), bodyOf("x"), image), withCode("invalid-request"));
  });

  test("leaks no file handle, whether streams are read, dropped or refused", { skip: noProc() }, async () => {
    await using opened = await openStore();
    const { store } = opened;
    const put = await store.put("x.jpg", bodyOf(Buffer.alloc(1_000_000)), image);
    const before = (await readdir("/proc/self/fd")).length;
    for (let round = 0; round < 20; round += 1) {
      (await store.get("x.jpg")).stream.destroy();
      const { stream } = await store.get("x.jpg");
      await stream[Symbol.asyncIterator]().next();
      stream.destroy();
      await read(store, "x.jpg", { version: put.version });
      await store.get("x.jpg", { version: "other" }).catch(() => {});
      const unread = Readable.from([Buffer.alloc(10)]);
      await store.put("x.jpg", unread, { ...image, ifNoneMatch: "*" }).catch(() => {});
      assert.ok(unread.destroyed);
    }
    await eventually("all are closed", async () => (await readdir("/proc/self/fd")).length <= before, 2000);
  });

  test("shows a whole object even after kill -9 in the middle of a put", async () => {
    await using opened = await openStore();
    for (let round = 0; round < 4; round += 1) {
      const child = fork(join(import.meta.dirname, "fs-writer.ts"), [opened.root]);
      await new Promise((resolve) => child.once("message", resolve));
      await sleep(10 + 17 * round);
      child.kill("SIGKILL");
      await new Promise((resolve) => child.once("exit", resolve));
      const bytes = await read(opened.store, "x.jpg");
      assert.equal(bytes.length, 4_000_000);
      assert.equal(bytes.compare(Buffer.alloc(4_000_000, bytes[0])), 0);
    }
    assert.deepEqual(await keysOf(opened.store), ["x.jpg"]);
  });
});

describe("the fs store's watch", () => {
  test("begins with an empty batch and then names what appears, at any depth and under any name", async () => {
    await using opened = await openStore();
    await using watched = watchStore(opened.store);
    await eventually("the watch has begun", () => watched.batches.length > 0);
    assert.deepEqual(watched.batches[0], []);
    for (const key of oddKeys) await opened.store.put(key, bodyOf(key), image);
    await writeFile(join(opened.root, ".DS_Store"), "x");
    await writeFile(join(opened.root, "last.jpg"), "x");
    await eventually("the last one is named", () => watched.keys().includes("last.jpg"));
    await eventually("every name is there", () => oddKeys.every((key) => watched.keys().includes(key)));
    assert.ok(!watched.keys().some((key) => /\.veil-|DS_Store/.test(key)), watched.keys().join(" "));
  });

  test("names what is moved in with its whole folder, and what is written over", async () => {
    await using opened = await openStore();
    const { store, root, outside } = opened;
    await store.put("x.jpg", bodyOf("x"), image);
    await using watched = watchStore(store);
    await eventually("the watch has begun", () => watched.batches.length > 0);
    await mkdir(join(outside, "import/deep"), { recursive: true });
    for (let index = 0; index < 50; index += 1) await writeFile(join(outside, `import/deep/${index}.jpg`), "x");
    await rename(join(outside, "import"), join(root, "import"));
    await store.put("x.jpg", bodyOf("other"), image);
    await eventually("all 51 are named", () => new Set(watched.keys()).size === 51);
    await rm(join(root, "import"), { recursive: true });
  });

  test("names what comes into a folder that has taken another one's name, and into the one that had it", async () => {
    await using opened = await openStore();
    const { store, root } = opened;
    for (const name of ["a/deep", "gone"]) await mkdir(join(root, name), { recursive: true });
    await using watched = watchStore(store);
    await eventually("the watch has begun", () => watched.batches.length > 0);
    // In one go, so that nobody looks in between.
    renameSync(join(root, "a"), join(root, "b"));
    mkdirSync(join(root, "a"));
    rmdirSync(join(root, "gone"));
    mkdirSync(join(root, "gone"));
    const names = ["a/new.jpg", "b/moved.jpg", "b/deep/moved.jpg", "gone/new.jpg"];
    for (const name of names) await writeFile(join(root, name), "x");
    await eventually("each is named", () => names.every((name) => watched.keys().includes(name)));
    const later = names.map((name) => name.replace(".jpg", "-later.jpg"));
    for (const name of later) await writeFile(join(root, name), "x");
    await eventually("each later one too", () => later.every((name) => watched.keys().includes(name)));
  });

  test("fails when the folder goes away, for a watcher of nothing would stay silent for ever", async () => {
    await using opened = await openStore();
    const watched = watchStore(opened.store);
    await eventually("the watch has begun", () => watched.batches.length > 0);
    await rename(opened.root, `${opened.root}-away`);
    await mkdir(opened.root);
    await assert.rejects(watched.ended, withCode("store-unavailable"));
  });
});

function watchStore(store: FsStore) {
  const stop = new AbortController();
  const batches: (readonly string[])[] = [];
  const ended = (async () => {
    for await (const keys of store.watch(stop.signal)) batches.push(keys);
  })();
  ended.catch(() => {});
  return {
    batches,
    ended,
    keys: () => batches.flat(),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
    },
  };
}

/** Root may do everything: its tests lend themselves another identity. */
async function asNobody(work: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    await work();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

function noProc(): string | false {
  return process.platform === "linux" ? false : "not run: no /proc on this system";
}
