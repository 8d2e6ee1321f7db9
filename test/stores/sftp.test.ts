import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import {
  failsReadingsOfWhatChanges,
  keepsFoldersAndFilesApart,
  saysThatTheRootIsAway,
  sweepsItsOwnOldFile,
} from "../contracts/folder-store.ts";
import { bodyOf, keysOf, read, storeContract, withCode } from "../contracts/store.ts";
import { asideContract } from "../contracts/store-asides.ts";
import { startSshd, withoutSshd } from "../fixtures/ssh-server.ts";
import { openSftp } from "./sftp-store.ts";
import { mountTmpfs } from "./tmpfs.ts";

const run = promisify(execFile);
const image = { contentType: "image/jpeg" };
const skip = withoutSshd();
const isRoot = process.getuid?.() === 0;
const server = skip ? undefined : await startSshd();
const unlinked = skip ? undefined : await startSshd({ deny: ["hardlink", "fsync", "statvfs", "limits"] });
after(async () => {
  await server?.[Symbol.asyncDispose]();
  await unlinked?.[Symbol.asyncDispose]();
});

const openStore = (on = server!, changes: Parameters<typeof openSftp>[1] = {}) => openSftp(on, changes);

storeContract("sftp", () => openStore(), { tickMs: 1100, keepsNewer: true, skip });
storeContract("sftp without links and limits", () => openSftp(unlinked!), { tickMs: 1100, skip });

describe("the sftp store and removals that die in the middle", { skip }, () => {
  asideContract((takesOriginals) => openStore(server, { takesOriginals }));
});

describe("the sftp store without links and removals that die in the middle", { skip }, () => {
  asideContract((takesOriginals) => openStore(unlinked, { takesOriginals }));
});

describe("the sftp store and what else lives on a server", { skip }, () => {
  test("says store-unavailable, and makes nothing, when the root is not there", async () => {
    await using opened = await openStore();
    await saysThatTheRootIsAway(opened);
  });

  test("lies in a part of its root, and in a folder of the account where the root is relative", async () => {
    await using opened = await openStore();
    await mkdir(join(opened.root, "in/deep"), { recursive: true });
    await using part = await openStore(server, { root: opened.root, part: "in/deep" });
    await part.store.put("a/x.jpg", bodyOf("x"), image);
    assert.deepEqual(await keysOf(opened.store), ["in/deep/a/x.jpg"]);
    const { stdout } = await run("realpath", ["--relative-to", userInfo().homedir, opened.root]);
    await using relative = await openStore(server, { root: `${stdout.trim()}/` });
    assert.equal(String(await read(relative.store, "in/deep/a/x.jpg")), "x");
  });

  test("follows no symbolic link, in or out, for reading or for writing", async () => {
    await using opened = await openStore();
    await using beside = await openStore();
    const { store, root } = opened;
    const secret = beside.root;
    await writeFile(join(secret, "x.jpg"), "secret");
    await symlink(join(secret, "x.jpg"), join(root, "file.jpg"));
    await symlink(secret, join(root, "folder"));
    await mkdir(join(root, "real"));
    await symlink(join(root, "real"), join(root, "inner"));
    await writeFile(join(root, "real.jpg"), "real");
    await symlink(join(root, "real.jpg"), join(root, "inner.jpg"));
    assert.deepEqual(await keysOf(store), ["real.jpg"]);
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
    assert.deepEqual(await readdir(secret), ["x.jpg"]);
    assert.equal(await readFile(join(secret, "x.jpg"), "utf8"), "secret");
    assert.deepEqual(await readdir(join(root, "real")), []);
  });

  test("may itself be reached through a symbolic link", async () => {
    await using opened = await openStore();
    await symlink(opened.root, `${opened.root}-alias`);
    await using alias = await openStore(server, { root: `${opened.root}-alias` });
    await alias.store.put("a/x.jpg", bodyOf("x"), image);
    assert.equal(String(await read(alias.store, "a/x.jpg")), "x");
    assert.deepEqual(await keysOf(alias.store), ["a/x.jpg"]);
  });

  test("does not wait at a pipe", { timeout: 5000 }, async () => {
    await using opened = await openStore();
    await run("mkfifo", [join(opened.root, "pipe.jpg")]);
    await assert.rejects(opened.store.get("pipe.jpg"), withCode("not-found"));
    assert.deepEqual(await keysOf(opened.store), []);
  });

  test("fails a reading during which the file grew, shrank, or was written over", async () => {
    await using opened = await openStore();
    await failsReadingsOfWhatChanges(opened, 8_000_000);
  });

  test("still reads the old file to its end when another one takes its name", async () => {
    await using opened = await openStore();
    const { store } = opened;
    await store.put("x.jpg", bodyOf(Buffer.alloc(8_000_000, 1)), image);
    const { stream } = await store.get("x.jpg");
    await store.put("x.jpg", bodyOf("new"), image);
    assert.equal(Buffer.concat(await stream.toArray()).compare(Buffer.alloc(8_000_000, 1)), 0);
  });

  test("lists a folder that takes many answers, with the attributes of each", async () => {
    await using opened = await openStore();
    const names = Array.from({ length: 1234 }, (_, index) => `${index}.jpg`);
    for (const name of names) await writeFile(join(opened.root, name), name);
    let bytes = 0;
    for await (const { key, size } of opened.store.list("")) {
      assert.equal(size, key.length);
      bytes += size;
    }
    assert.equal(bytes, names.join("").length);
  });

  test("passes over what systems keep for themselves and its own unfinished files", async () => {
    await using opened = await openStore();
    const { store, root } = opened;
    const hidden = [".DS_Store", "a/Thumbs.db", "@eaDir/x.jpg/SYNOPHOTO.jpg", "#recycle/x.jpg", ".veil-0/x.jpg"];
    for (const key of [...hidden, `.veil-${randomUUID()}.part`, "a/photo.jpg", ".photo.jpg"]) {
      await mkdir(join(root, key, ".."), { recursive: true });
      await writeFile(join(root, key), key);
    }
    assert.deepEqual(await keysOf(store), [".photo.jpg", "a/photo.jpg"]);
    await assert.rejects(store.put(".veil-0/x.jpg", bodyOf("x"), image), withCode("invalid-request"));
  });

  test("tells a name that is not UTF-8 instead of losing the file", async () => {
    await using opened = await openStore();
    const { store, root, problems } = opened;
    await writeFile(Buffer.concat([Buffer.from(join(root, "caf")), Buffer.from([0xe9]), Buffer.from(".jpg")]), "x");
    await writeFile(join(root, "real \uFFFD.jpg"), "x");
    assert.deepEqual(await keysOf(store), ["real \uFFFD.jpg"]);
    assert.deepEqual(
      problems.map(({ code }) => code),
      ["invalid-request"],
    );
  });

  test("sweeps away what interrupted puts left a day ago, and nothing else", async () => {
    await using opened = await openStore();
    await sweepsItsOwnOldFile(opened);
  });

  test("says already-exists where a folder and a file are in each other's way", async () => {
    await using opened = await openStore();
    await keepsFoldersAndFilesApart(opened);
  });

  test("refuses a name that is too long by name", async () => {
    await using opened = await openStore();
    await assert.rejects(opened.store.put("x".repeat(300), bodyOf("x"), image), withCode("invalid-request"));
  });

  test("gives objects the mode, the owner and the time that they are to have", async () => {
    await using opened = await openStore();
    const { store, root } = opened;
    const modifiedAt = Date.UTC(2001, 1, 3, 4, 5, 6, 700);
    const owner = isRoot ? { owner: { uid: 1, gid: 2 } } : {};
    const info = await store.put("x.jpg", bodyOf("x"), { ...image, attributes: { mode: 0o640, modifiedAt, ...owner } });
    assert.equal(info.modifiedAt, Date.UTC(2001, 1, 3, 4, 5, 6));
    const { mode, uid, gid } = await stat(join(root, "x.jpg"));
    assert.equal(mode & 0o777, 0o640);
    if (isRoot) assert.deepEqual([uid, gid], [1, 2]);
  });

  test("says store-full when the disk is, and leaves nothing behind", async (context) => {
    await using opened = await openStore();
    await using mounted = await mountTmpfs(context, opened.root);
    if (!mounted) return;
    const full = opened.store.put("x.jpg", bodyOf(Buffer.alloc(3_000_000)), image);
    await assert.rejects(full, withCode("store-full"));
    assert.deepEqual(await readdir(opened.root), []);
    await opened.store.put("x.jpg", bodyOf("small"), image);
  });
});
