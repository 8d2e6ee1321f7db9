import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, describe, test } from "node:test";
import { swiftSettings } from "../../src/config/stores/swift.ts";
import type { Problem } from "../../src/errors.ts";
import { createSwiftStore } from "../../src/stores/swift.ts";
import { eventually } from "../contracts/eventually.ts";
import { drain } from "../contracts/folder-store.ts";
import { failsWhileItsServerIsSilent, keepsNoConnectionOfReaders } from "../contracts/remote-store.ts";
import { bodyOf, keysOf, read, storeContract, withCode } from "../contracts/store.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { startCeph, withoutCeph } from "../fixtures/ceph-server.ts";

const image = { contentType: "image/jpeg" };
const offline = withCode("store-unavailable");
const skip = withoutCeph();
// So that tokens are renewed everywhere.
const ceph = skip ? undefined : await startCeph({ "rgw swift token expiration": 2 });
after(() => ceph?.[Symbol.asyncDispose]());

async function tokenOf(): Promise<string> {
  const { authUrl, user, key } = ceph!.swift;
  const entered = await fetch(authUrl, { headers: { "x-auth-user": user, "x-auth-key": key } });
  return entered.headers.get("x-auth-token")!;
}

/** Beside the store; answers the status. */
async function call(method: string, path: string, token: string, body: string | null = null): Promise<number> {
  const options = { method, headers: { "x-auth-token": token }, body };
  return (await fetch(`${ceph!.endpoint}/swift/v1/${path}`, options)).status;
}

async function openStore(changes: Record<string, unknown> = {}, more = {}) {
  const container = `c${randomUUID()}`;
  assert.equal(await call("PUT", container, await tokenOf()), 201);
  const { authUrl, user, key } = ceph!.swift;
  const settings = swiftSettings.parse({
    kind: "swift",
    auth: "v1",
    authUrl,
    username: user,
    key,
    container,
    ...changes,
  });
  const store = createSwiftStore({ name: "archive", root: "", settings, ...more });
  return { store, container, settings, [Symbol.asyncDispose]: () => store.close() };
}

storeContract("swift", openStore, { skip, plainKeys: true, keepsMetadata: true });

describe("the swift store and its container", { skip }, () => {
  test("says that it is refused, without the key", async () => {
    await using opened = await openStore({ key: "wr0ng" });
    const refused = (error: Problem) => {
      assert.equal(error.code, "store-denied");
      assert.match(error.message, /archive/);
      assert.ok(!JSON.stringify([error, error.message, error.stack]).includes("wr0ng"));
      return true;
    };
    await assert.rejects(opened.store.get("x"), refused);
    await assert.rejects(opened.store.put("x", bodyOf("x"), image), refused);
    await assert.rejects(keysOf(opened.store), refused);
  });

  test("says store-unavailable when its container is not there, and makes none", async () => {
    await using opened = await openStore({ container: "nowhere" });
    const { store } = opened;
    for (const action of [
      () => keysOf(store),
      () => store.head("x"),
      () => store.get("x"),
      () => store.put("x", bodyOf("x"), image),
      () => store.remove("x"),
    ])
      await assert.rejects(action(), offline, String(action));
  });

  test("goes on with a new token where the old one has ended, bodies too", async () => {
    await using opened = await openStore();
    const { store } = opened;
    const bytes = randomBytes(3_000_000);
    for (let round = 0; round < 2; round += 1) {
      await store.head("x");
      const token = await tokenOf();
      await eventually("tokens of now have ended", async () => (await call("HEAD", opened.container, token)) === 401);
      await store.put("x", bodyOf(bytes), image);
      assert.equal((await read(store, "x")).compare(bytes), 0);
    }
  });

  test("lists page by page, and goes on when the gateway was away between two", async () => {
    await using opened = await openStore({}, { pageSize: 7 });
    const { store } = opened;
    const keys = Array.from({ length: 30 }, (_, index) => `ä ${index}%&?\n"`);
    for (const key of keys) await store.put(key, bodyOf(key), image);
    const listed: string[] = [];
    let starting: Promise<void> | undefined;
    for await (const { key } of store.list("")) {
      listed.push(key);
      if (listed.length !== 10) continue;
      await ceph!.killGateway();
      starting = ceph!.startGateway();
    }
    await starting;
    assert.deepEqual(listed.sort(), keys.sort());
  });

  test("sees only what lies below its prefix and root", async () => {
    await using opened = await openStore({ prefix: "hospital/" });
    const { store: whole, settings } = opened;
    const below = createSwiftStore({ name: "masked", root: "masked", settings });
    await whole.put("masked/x.jpg", bodyOf("x"), image);
    await whole.put("masked.jpg", bodyOf("y"), image);
    assert.deepEqual(await keysOf(below), ["x.jpg"]);
    assert.equal(String(await read(below, "x.jpg")), "x");
    await below.remove("x.jpg");
    assert.deepEqual(await keysOf(whole), ["masked.jpg"]);
    await below.close();
  });

  test("passes over what systems keep, and what stands for folders", async () => {
    await using opened = await openStore();
    const { store } = opened;
    for (const key of ["x.jpg", "a/.DS_Store", "@eaDir/x.jpg", "._x.jpg"]) await store.put(key, bodyOf("x"), image);
    await store.put("folder", bodyOf(""), { contentType: "application/directory" });
    const listed = await keysOf(store);
    // Ceph's listings don't say of what type an object is.
    assert.deepEqual(
      listed.filter((key) => key !== "folder"),
      ["x.jpg"],
    );
  });

  test("reads what lies in pieces, by the version that the listing says", async () => {
    await using opened = await openStore();
    const { store, container } = opened;
    const pieces = ["a".repeat(1000), "b".repeat(500)];
    for (const [index, piece] of pieces.entries()) await store.put(`.parts/${index}`, bodyOf(piece), image);
    const manifest = pieces.map((piece, index) => ({
      path: `/${container}/.parts/${index}`,
      size_bytes: piece.length,
    }));
    const status = await call(
      "PUT",
      `${container}/big?multipart-manifest=put`,
      await tokenOf(),
      JSON.stringify(manifest),
    );
    assert.equal(status, 201);
    const [big] = (await Array.fromAsync(store.list(""))).filter(({ key }) => key === "big");
    assert.equal(big?.size, 1500);
    assert.equal(String(await read(store, "big", { version: big!.version })), pieces.join(""));
  });

  test("refuses names that are too long, and bodies that Swift can't hold in one piece", async () => {
    await using opened = await openStore();
    const { store } = opened;
    await assert.rejects(store.put("x".repeat(1025), bodyOf("x"), image), withCode("invalid-request"));
    const huge = { ...image, size: 6 * 1024 ** 3 };
    await assert.rejects(store.put("x", bodyOf("x"), huge), withCode("invalid-request"));
  });

  test("notices that the one to be replaced changed while the new one was sent", async () => {
    await using opened = await openStore();
    const { store } = opened;
    const first = await store.put("x", bodyOf("first"), image);
    const body = new Readable({ read() {} });
    body.push(Buffer.alloc(2_000_000));
    const conditional = { ...image, ifMatch: first.version };
    const putting = assert.rejects(store.put("x", body, conditional), withCode("already-exists"));
    await store.put("x", bodyOf("somebody else's"), image);
    body.push(null);
    await putting;
    assert.equal(String(await read(store, "x")), "somebody else's");
  });

  test("says that there is no room where a quota is used up", async () => {
    await using opened = await openStore();
    const { store } = opened;
    await ceph!.exec("quota", "set", "--uid=test", "--quota-scope=user", "--max-size=1");
    await ceph!.exec("quota", "enable", "--uid=test", "--quota-scope=user");
    try {
      await assert.rejects(store.put("x", bodyOf(randomBytes(100_000)), image), withCode("store-full"));
    } finally {
      await ceph!.exec("quota", "disable", "--uid=test", "--quota-scope=user");
    }
  });

  test("trusts the certificates that caFile names, and without them none that nobody vouches for", async () => {
    await using folder = await temporaryFolder();
    const caFile = join(folder.path, "ca.pem");
    await writeFile(caFile, ceph!.tls.ca);
    const authUrl = `${ceph!.tls.endpoint}/auth/v1.0`;
    await using trusting = await openStore({ authUrl, caFile });
    await trusting.store.put("x", bodyOf("x"), image);
    assert.equal(String(await read(trusting.store, "x")), "x");
    await using strange = await openStore({ authUrl });
    await assert.rejects(strange.store.head("x"), (error: Problem) => {
      assert.equal(error.code, "store-unavailable");
      assert.match(error.remedy ?? "", /caFile/);
      return true;
    });
  });

  test("keeps no connection of reads that were broken off", async () => {
    await using opened = await openStore();
    await keepsNoConnectionOfReaders(opened.store);
  });
});

describe("the swift store and a gateway in trouble", { skip }, () => {
  test("fails a read and a write whose gateway dies, leaves nothing half and goes on with the next one", async () => {
    await using opened = await openStore();
    const { store } = opened;
    const bytes = randomBytes(20_000_000);
    await store.put("x", bodyOf(bytes), image);
    const { stream } = await store.get("x");
    const reading = stream[Symbol.asyncIterator]();
    await reading.next();
    const bodies = ["x", "y"].map((key) => {
      const body = new Readable({ read() {} });
      body.push(Buffer.alloc(2_000_000));
      return { body, putting: assert.rejects(store.put(key, body, image), offline) };
    });
    await eventually("the bodies are on their way", () => bodies.every(({ body }) => body.readableLength === 0));
    await ceph!.killGateway();
    await assert.rejects(drain(reading), offline);
    for (const { body } of bodies) body.push(null);
    await Promise.all(bodies.map(({ putting }) => putting));
    await assert.rejects(store.head("x"), offline);
    await ceph!.startGateway();
    assert.deepEqual(await keysOf(store), ["x"]);
    assert.equal((await read(store, "x")).compare(bytes), 0);
  });

  test("does not wait for ever for a gateway that is silent", async () => {
    await using opened = await openStore({}, { timeouts: { connectMs: 2000, idleMs: 1000 } });
    const { store } = opened;
    await failsWhileItsServerIsSilent(store, { freeze: () => ceph!.freezeGateway(), thaw: () => ceph!.thawGateway() });
    assert.ok(await eventually("it is back", () => store.head("x")));
  });
});
