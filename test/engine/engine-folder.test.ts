import assert from "node:assert/strict";
import { mkdir, readdir, readFile, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { openBytes } from "../../src/core/sealed-bytes.ts";
import { makeEngineFolder } from "../../src/engine/engine-folder.ts";
import { borrowOwner, hasOwners } from "../../src/engine/engine-owner.ts";
import { Problem } from "../../src/errors.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";

const folder = await temporaryFolder();
after(() => folder[Symbol.asyncDispose]());
const spool = join(folder.path, "spool");
await mkdir(spool, { mode: 0o700 });
const limits = { maxBytes: 100 };
const withCode = (code: string) => (error: unknown) => error instanceof Problem && error.code === code;

describe("the folder of an engine process", () => {
  test("gets a sealed copy of somebody's file, and of the spool's own no second one", async () => {
    const engine = makeEngineFolder(spool, undefined);
    const somebodys = join(folder.path, "holiday.jpg");
    const received = join(spool, "received");
    for (const path of [somebodys, received]) await writeFile(path, "pixels", { mode: 0o600 });
    const [copy, same] = [
      await engine.take({ path: somebodys }, limits),
      await engine.take({ path: received }, limits),
    ];
    const there = (name: string) => readFile(join(engine.path, "in", name));
    assert.ok(!(await there(copy.name)).includes("pixels"), "a copy lies on the disk as it is");
    assert.equal(String(openBytes(await there(copy.name), copy.key!)), "pixels");
    assert.deepEqual([String(await there(same.name)), same.key], ["pixels", undefined]);
    assert.deepEqual([(await stat(somebodys)).nlink, (await stat(received)).nlink], [1, 2]);
    await assert.rejects(engine.take({ path: somebodys }, { maxBytes: 5 }), withCode("too-large"));
    assert.equal(await engine.clear(), true);
    assert.deepEqual(await readdir(join(engine.path, "in")), []);
    assert.equal(await readFile(somebodys, "utf8"), "pixels");
    await engine.remove();
    assert.deepEqual(await readdir(spool), ["received"]);
  });

  test("is closed to everybody but the service and its process", async () => {
    using owner = hasOwners ? borrowOwner() : undefined;
    const engine = makeEngineFolder(spool, owner);
    const ofFolder = async (name: string) => {
      const { uid, gid, mode } = await stat(join(engine.path, name));
      return [uid, gid, (mode & 0o777).toString(8)];
    };
    const own = [process.getuid!(), process.getgid!()];
    const shared = owner ? [0, owner.gid, "750"] : [...own, "700"];
    assert.deepEqual([await ofFolder("."), await ofFolder("in")], [shared, shared]);
    assert.deepEqual(await ofFolder("out"), owner ? [owner.uid, owner.gid, "700"] : [...own, "700"]);
    await engine.remove();
  });

  test("knows how much was written, and that no engine process makes folders or closes its own", async () => {
    const engine = makeEngineFolder(spool, undefined);
    const put = (name: string) => join(engine.path, "out", name);
    assert.equal(engine.written(), 0);
    for (const name of ["one", "two"]) await writeFile(put(name), Buffer.alloc(2 ** 20, 1));
    await truncate(put("two"), 2 ** 30);
    assert.equal(Math.round(engine.written() / 2 ** 20), 2, "holes take no room");
    await mkdir(put("folder"));
    assert.equal(engine.written(), Number.POSITIVE_INFINITY);
    await engine.remove();
    assert.equal(engine.written(), Number.POSITIVE_INFINITY);
  });

  test("gives nothing out that is no plain file, and follows no link that was put there", async () => {
    const engine = makeEngineFolder(spool, undefined);
    const secret = join(folder.path, "secret");
    await writeFile(secret, "of another client");
    const put = (name: string) => join(engine.path, "out", name);
    await symlink(secret, put("link"));
    await mkdir(put("folder"));
    await writeFile(put("file"), "masked");
    for (const name of ["link", "folder"]) {
      await assert.rejects(engine.give(name, join(spool, `${name}.masked`)), withCode("internal"));
    }
    await engine.give("file", join(spool, "file.masked"));
    assert.equal(await readFile(join(spool, "file.masked"), "utf8"), "masked");
    assert.equal(await readFile(secret, "utf8"), "of another client");
    assert.deepEqual(
      (await readdir(spool)).filter((name) => name.endsWith(".masked")),
      ["file.masked"],
    );
    await engine.remove();
  });

  test("says when something was left there that no engine process makes, and goes through no link to remove it", async () => {
    const engine = makeEngineFolder(spool, undefined);
    const home = join(folder.path, "home");
    await mkdir(home);
    await writeFile(join(home, "letter"), "dear");
    await symlink(home, join(engine.path, "out", "a"));
    assert.equal(await engine.clear(), true);
    await mkdir(join(engine.path, "out", "b"));
    assert.equal(await engine.clear(), false);
    await engine.remove();
    assert.deepEqual(await readdir(home), ["letter"]);
  });
});
