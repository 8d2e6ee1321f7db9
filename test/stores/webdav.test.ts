import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { chmod, mkdir, readdir, rename, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { webdavSettings } from "../../src/config/stores/webdav.ts";
import type { Problem } from "../../src/errors.ts";
import { createWebdavStore } from "../../src/stores/webdav.ts";
import { eventually } from "../contracts/eventually.ts";
import { drain } from "../contracts/folder-store.ts";
import { failsWhileItsServerIsSilent, keepsNoConnectionOfReaders } from "../contracts/remote-store.ts";
import { bodyOf, keysOf, read, storeContract, withCode } from "../contracts/store.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { startWebdav, withoutWebdav } from "../fixtures/webdav-server.ts";
import { openSockets } from "./open-sockets.ts";
import { mountTmpfs } from "./tmpfs.ts";

const skip = withoutWebdav();
const image = { contentType: "image/jpeg" };
const offline = withCode("store-unavailable");
const server = skip ? undefined : await startWebdav();
after(() => server?.[Symbol.asyncDispose]());

async function openStore(changes: Record<string, unknown> = {}, timeouts = {}) {
  const root = randomUUID();
  const exported = join(server!.exported, root);
  await mkdir(exported);
  await chmod(exported, 0o777);
  const settings = webdavSettings.parse({
    ...{ kind: "webdav", url: server!.url, username: "dav", password: "secret" },
    ...changes,
  });
  const problems: Problem[] = [];
  const onProblem = (problem: Problem) => void problems.push(problem);
  const store = createWebdavStore({ name: "archive", root, settings, onProblem, timeouts });
  return { store, root, exported, problems, [Symbol.asyncDispose]: () => store.close() };
}

storeContract("webdav", openStore, { skip, failsWhenReplaced: true });

describe("the webdav store and its server", { skip }, () => {
  test("says that it is refused, without the password", async () => {
    await using opened = await openStore({ password: "wr0ng" });
    const refused = (error: Problem) => {
      assert.equal(error.code, "store-denied");
      assert.ok(error.message.includes("archive"));
      assert.ok(!JSON.stringify([error, error.message, String(error.stack)]).includes("wr0ng"));
      return true;
    };
    await assert.rejects(opened.store.get("x"), refused);
    await assert.rejects(opened.store.put("x", bodyOf("x"), image), refused);
    await assert.rejects(opened.store.head("x"), refused);
    await assert.rejects(opened.store.remove("x"), refused);
    await assert.rejects(keysOf(opened.store), refused);
  });

  test("says store-unavailable, and makes nothing, when its own folder is not there", async () => {
    await using opened = await openStore();
    const { store, exported } = opened;
    await store.put("a/x.jpg", bodyOf("x"), image);
    await rename(exported, `${exported}-away`);
    for (const action of [
      () => keysOf(store),
      () => store.head("a/x.jpg"),
      () => store.get("a/x.jpg"),
      () => store.put("b/y.jpg", bodyOf("y"), image),
      () => store.remove("a/x.jpg"),
    ])
      await assert.rejects(action(), offline, String(action));
    assert.ok(!(await readdir(server!.exported)).includes(opened.root));
  });

  test("takes no folder for an object: it is neither read, nor replaced, nor removed with what is in it", async () => {
    await using opened = await openStore();
    const { store } = opened;
    await store.put("ward/x.jpg", bodyOf("x"), image);
    await assert.rejects(store.put("ward", bodyOf("y"), image), withCode("already-exists"));
    await assert.rejects(store.put("ward", bodyOf("y"), { ...image, ifNoneMatch: "*" }), withCode("already-exists"));
    await assert.rejects(store.put("ward/x.jpg/y.jpg", bodyOf("y"), image), withCode("already-exists"));
    await store.remove("ward");
    assert.deepEqual(await keysOf(store), ["ward/x.jpg"]);
  });

  test("lists neither temporaries nor what systems keep, and tells of what it can't name or enter", async () => {
    await using opened = await openStore();
    const { store, exported, problems } = opened;
    const temporary = `.veil-${randomUUID()}.part`;
    for (const name of ["x.jpg", "Thumbs.db", "._x.jpg", temporary]) await writeFile(join(exported, name), "x");
    for (const name of ["@eaDir", "locked"]) {
      await mkdir(join(exported, name));
      await writeFile(join(exported, name, "y.jpg"), "y");
    }
    await chmod(join(exported, "locked"), 0);
    await writeFile(Buffer.concat([Buffer.from(`${exported}/latin-`), Buffer.from([0xe9]), Buffer.from(".jpg")]), "z");
    assert.deepEqual(await keysOf(store), ["x.jpg"]);
    // Or who is not root could not clear it away.
    await chmod(join(exported, "locked"), 0o777);
    assert.deepEqual(problems.map(({ code }) => code).sort(), ["invalid-request", "store-denied"]);
    assert.match(problems.map(({ message }) => message).join(), /latin-%e9/i);
    assert.match(problems.map(({ message }) => message).join(), /locked/);
  });

  test("sweeps what interrupted puts have left, and nothing else", async () => {
    await using opened = await openStore();
    const { store, exported } = opened;
    const [old, fresh] = [`.veil-${randomUUID()}.part`, `.veil-${randomUUID()}.part`];
    await store.put("a/x.jpg", bodyOf("x"), image);
    for (const name of [old, fresh, ".veil-notes"]) await writeFile(join(exported, "a", name), "x");
    const yesterday = new Date(Date.now() - 90_000_000);
    for (const name of [old, ".veil-notes", "x.jpg"]) await utimes(join(exported, "a", name), yesterday, yesterday);
    assert.equal(await store.sweep!(), 1);
    assert.deepEqual((await readdir(join(exported, "a"))).sort(), [".veil-notes", fresh, "x.jpg"].sort());
  });

  test("streams a folder of many, and frees its connection when nobody wants the rest", async () => {
    await using opened = await openStore();
    const many = 12_000;
    for (let at = 0; at < many; at += 500) {
      const names = Array.from({ length: 500 }, (_, index) => join(opened.exported, `${at + index}.jpg`));
      await Promise.all(names.map((name) => writeFile(name, "")));
    }
    assert.equal((await keysOf(opened.store)).length, many);
    const before = openSockets();
    for await (const _ of opened.store.list("")) break;
    await eventually("the connection is free or gone", () => openSockets() <= before);
  });

  test("notices that the one to be replaced changed while the new one was sent", async () => {
    await using opened = await openStore();
    const { store, exported } = opened;
    const first = await store.put("x", bodyOf("first"), image);
    const body = new Readable({ read() {} });
    body.push(Buffer.alloc(100_000));
    const putting = assert.rejects(
      store.put("x", body, { ...image, ifMatch: first.version }),
      withCode("already-exists"),
    );
    await writeFile(join(exported, "new"), "somebody else's");
    await rename(join(exported, "new"), join(exported, "x"));
    body.push(null);
    await putting;
    assert.equal(String(await read(store, "x")), "somebody else's");
  });

  test("says that the server is full", async (context) => {
    await using opened = await openStore();
    const { store, exported } = opened;
    await store.put("x", bodyOf("x"), image);
    await using mounted = await mountTmpfs(context, exported);
    if (!mounted) return;
    await chmod(exported, 0o777);
    await assert.rejects(store.put("x", bodyOf(randomBytes(3_000_000)), image), withCode("store-full"));
    assert.deepEqual(await readdir(exported), []);
  });

  test("trusts the certificates that caFile names, and without them none that nobody vouches for", async () => {
    await using folder = await temporaryFolder();
    const caFile = join(folder.path, "ca.pem");
    await writeFile(caFile, server!.tls.ca);
    await using trusting = await openStore({ url: server!.tls.url, caFile });
    await trusting.store.put("x", bodyOf("x"), image);
    assert.equal(String(await read(trusting.store, "x")), "x");
    await using strange = await openStore({ url: server!.tls.url });
    await assert.rejects(strange.store.head("x"), (error: Problem) => {
      assert.equal(error.code, "store-unavailable");
      assert.match(error.message, /certificate/);
      assert.match(error.remedy ?? "", /caFile/);
      return true;
    });
    await using lost = await openStore({ caFile: join(folder.path, "none.pem") });
    await assert.rejects(lost.store.head("x"), withCode("invalid-config"));
  });

  test("keeps no connection of reads that were broken off", async () => {
    await using opened = await openStore();
    await keepsNoConnectionOfReaders(opened.store);
  });
});

describe("the webdav store and a server in trouble", { skip }, () => {
  test("fails a read and a write whose server dies, leaves nothing half and goes on with the next one", async () => {
    await using opened = await openStore();
    const { store, exported } = opened;
    const bytes = randomBytes(20_000_000);
    await store.put("x", bodyOf(bytes), image);
    const { stream } = await store.get("x");
    const reading = stream[Symbol.asyncIterator]();
    await reading.next();
    const body = new Readable({ read() {} });
    body.push(Buffer.alloc(1_000_000));
    const putting = assert.rejects(store.put("y", body, image), offline);
    const replacing = new Readable({ read() {} });
    replacing.push(Buffer.alloc(1_000_000));
    const replaced = assert.rejects(store.put("x", replacing, image), offline);
    await eventually("something of both is there", async () => (await readdir(exported)).length >= 3);
    await server!.kill();
    await assert.rejects(drain(reading), offline);
    body.push(null);
    replacing.push(null);
    await Promise.all([putting, replaced]);
    await assert.rejects(store.head("x"), offline);
    await assert.rejects(keysOf(store), offline);
    await server!.start();
    assert.deepEqual(await keysOf(store), ["x"]);
    assert.equal((await read(store, "x")).compare(bytes), 0);
    await store.put("y", bodyOf("y"), image);
    await store.sweep!(0);
    assert.ok((await readdir(exported)).every((name) => !name.startsWith(".veil-")));
  });

  test("does not wait for ever for a server that is silent", async () => {
    await using opened = await openStore({}, { connectMs: 2000, idleMs: 1000 });
    const { store } = opened;
    await failsWhileItsServerIsSilent(store, { freeze: () => server!.freeze(), thaw: () => server!.thaw() });
    assert.deepEqual(await eventually("it is back", () => keysOf(store)), ["x"]);
  });

  test("waits for whoever reads slowly", async () => {
    await using opened = await openStore({}, { connectMs: 5000, idleMs: 300 });
    const { store } = opened;
    await writeFile(join(opened.exported, "x"), randomBytes(20_000_000));
    const { stream } = await store.get("x");
    const reading = stream[Symbol.asyncIterator]();
    let bytes = (await reading.next()).value.length;
    await sleep(1000);
    for (let next = await reading.next(); !next.done; next = await reading.next()) bytes += next.value.length;
    assert.equal(bytes, 20_000_000);
  });
});
