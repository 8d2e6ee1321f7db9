import assert from "node:assert/strict";
import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { createFsStore } from "../../src/stores/fs.ts";
import { fileSystemOf, isUnmounted, mountOf, openMountMemories } from "../../src/stores/fs-mount.ts";
import { bodyOf, keysOf, withCode } from "../contracts/store.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { mountTmpfs } from "./tmpfs.ts";

const image = { contentType: "image/jpeg" };

async function openStore() {
  const folder = await temporaryFolder();
  const root = join(folder.path, "root");
  await mkdir(root);
  return {
    root,
    outside: folder.path,
    store: createFsStore({ name: "input", root }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

describe("what a folder lies on", () => {
  test("is told from what is left of it without its share", async () => {
    await using opened = await openStore();
    const now = await mountOf(opened.root);
    assert.ok(opened.root.startsWith(now.point));
    const at = (point: string) => ({ point, type: 1 });
    assert.equal(isUnmounted(at("/mnt/nas"), at("/")), true);
    assert.equal(isUnmounted(at("/mnt/nas"), at("/mnt")), true);
    assert.equal(isUnmounted(at("/mnt/nas"), at("/mnt/nas")), false);
    assert.equal(isUnmounted(at("/mnt"), at("/mnt/nas")), false);
    assert.equal(isUnmounted(at("/mnt/nas2"), at("/mnt/nas")), false);
  });

  test("says whether other machines may write to it unheard", {
    skip: process.platform !== "linux" && "not run: Linux alone has these numbers",
  }, () => {
    assert.deepEqual(fileSystemOf(0x6969), { name: "NFS", isShared: true });
    assert.deepEqual(fileSystemOf(0xff534d42), { name: "SMB (CIFS)", isShared: true });
    assert.deepEqual(fileSystemOf(0x65735546), { name: "FUSE", isShared: true });
    assert.deepEqual(fileSystemOf(0xef53), { name: "ext4", isShared: false });
    assert.deepEqual(fileSystemOf(0x1234), { name: "0x1234", isShared: false });
  });

  test("does not take the empty folder that an unmounted share leaves for an empty store", async (context) => {
    await using opened = await openStore();
    await using mounted = await mountTmpfs(context, opened.root);
    if (!mounted) return;
    await opened.store.put("x.jpg", bodyOf("x"), image);
    assert.deepEqual(await keysOf(opened.store), ["x.jpg"]);
    await mounted[Symbol.asyncDispose]();
    await assert.rejects(keysOf(opened.store), withCode("store-unavailable"));
    await assert.rejects(opened.store.put("y.jpg", bodyOf("y"), image), withCode("store-unavailable"));
    assert.deepEqual(await readdir(opened.root), []);
  });

  test("knows after a restart that a share was mounted there", async (context) => {
    await using opened = await openStore();
    const file = join(opened.outside, "mounts.json");
    const start = () =>
      createFsStore({ name: "input", root: opened.root, mounts: openMountMemories(file)(opened.root) });
    await using mounted = await mountTmpfs(context, opened.root);
    if (!mounted) return;
    assert.deepEqual(await keysOf(start()), []);
    await mounted[Symbol.asyncDispose]();
    await assert.rejects(keysOf(start()), withCode("store-unavailable"));
    await using _again = await mountTmpfs(context, opened.root);
    assert.deepEqual(await keysOf(start()), []);
  });

  test("gives a file the mode, owner and time that are asked for", async () => {
    await using opened = await openStore();
    const owner = { uid: process.getuid!(), gid: process.getgid!() };
    const modifiedAt = Date.UTC(2001, 1, 3);
    const info = await opened.store.put("x.jpg", bodyOf("x"), {
      ...image,
      attributes: { mode: 0o640, owner, modifiedAt },
    });
    const { mode, uid, gid, mtimeMs } = await stat(join(opened.root, "x.jpg"));
    assert.deepEqual([mode & 0o777, uid, gid, mtimeMs], [0o640, owner.uid, owner.gid, modifiedAt]);
    assert.equal((await opened.store.head("x.jpg"))?.version, info.version);
  });
});
