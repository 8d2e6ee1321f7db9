import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { Readable } from "node:stream";
import { after, describe, test } from "node:test";
import type { Problem } from "../../src/errors.ts";
import { eventually } from "../contracts/eventually.ts";
import { drain } from "../contracts/folder-store.ts";
import { givesUpAgainAndAgain, goesOnAfterItsServerWasAway } from "../contracts/remote-store.ts";
import { bodyOf, keysOf, read, withCode } from "../contracts/store.ts";
import { freePort, listen } from "../fixtures/file-server.ts";
import { startPyftpdlib, startVsftpd, withoutPyftpdlib, withoutVsftpd } from "../fixtures/ftp-server.ts";
import { openFtp } from "./ftp-store.ts";

const image = { contentType: "image/jpeg" };
const skip = withoutVsftpd();
const server = skip ? undefined : await startVsftpd();
const secure = skip ? undefined : await startVsftpd("explicit");
after(async () => {
  await server?.[Symbol.asyncDispose]();
  await secure?.[Symbol.asyncDispose]();
});

const openStore = (on = server!, changes: Parameters<typeof openFtp>[1] = {}) => openFtp(on, changes);

describe("the ftp store's way to its server", { skip }, () => {
  test("says store-denied for a wrong password, and does not show it", async () => {
    await using opened = await openStore(server, { password: "open barley" });
    await assert.rejects(opened.store.head("x"), (problem: Problem) => {
      assert.equal(problem.code, "store-denied");
      assert.match(problem.message, /anonymous/);
      assert.ok(!JSON.stringify([problem.message, problem.remedy, problem.cause]).includes("barley"));
      return true;
    });
  });

  test("speaks TLS from the start with a server that wants that", async () => {
    await using implicit = await startVsftpd("implicit");
    await using opened = await openStore(implicit);
    const bytes = randomBytes(3_000_000);
    await opened.store.put("a/x.jpg", bodyOf(bytes), image);
    assert.equal((await read(opened.store, "a/x.jpg")).compare(bytes), 0);
    assert.deepEqual(await keysOf(opened.store), ["a/x.jpg"]);
    await using named = await openStore(implicit, { host: "localhost" });
    assert.equal(await named.store.head("x"), undefined);
  });

  test("sends no password to a server whose certificate nobody has signed whom it trusts", async () => {
    await using opened = await openStore(secure, { caFile: "/etc/ssl/certs/ca-certificates.crt" });
    await assert.rejects(opened.store.head("x"), (problem: Problem) => {
      assert.equal(problem.code, "store-unavailable", problem.message);
      assert.match(problem.remedy ?? "", /caFile/);
      return true;
    });
    await using broken = await openStore(secure, { caFile: "/nowhere/ca.pem" });
    await assert.rejects(broken.store.head("x"), withCode("invalid-config"));
  });

  test("never goes on without TLS where that is expected", async () => {
    await using opened = await openStore(server, { tls: "explicit" });
    await assert.rejects(opened.store.head("x"), (problem: Problem) => {
      assert.equal(problem.code, "store-unavailable");
      assert.match(problem.message, /offers no TLS/);
      return true;
    });
    await using bare = await openStore(secure, { tls: "none" });
    await assert.rejects(bare.store.head("x"), withCode("store-denied"));
  });

  test("says store-unavailable where nobody answers, or somebody who speaks no FTP", async () => {
    await using opened = await openStore(server, { port: await freePort() });
    await assert.rejects(opened.store.head("x"), withCode("store-unavailable"));
    await assert.rejects(keysOf(opened.store), withCode("store-unavailable"));
    for (const greeting of ["SSH-2.0-x\r\n", "421 Too many users\r\n", "220 ready\r\n", ""]) {
      await using other = await listen((socket) => socket.write(greeting));
      await using there = await openStore(server, { port: other.port, connectMs: 300 });
      await assert.rejects(there.store.head("x"), withCode("store-unavailable"), greeting);
    }
  });

  test("does not follow a server to another host for its data", { skip: withoutPyftpdlib() }, async () => {
    await using hostile = await startPyftpdlib("none", "elsewhere");
    await using opened = await openStore(hostile);
    await assert.rejects(opened.store.put("x", bodyOf("x"), image), (problem: Problem) => {
      assert.equal(problem.code, "store-unavailable");
      assert.match(problem.message, /192\.0\.2\.1/);
      return true;
    });
    await assert.rejects(keysOf(opened.store), withCode("store-unavailable"));
  });

  test("makes no more connections than it may, keeps them, and ends them when it is closed", async () => {
    const opened = await openStore(server, { connections: 3 });
    await eventually("those before are gone", async () => (await server!.connections()) === 0);
    const body = () => Readable.from([Buffer.alloc(1_000_000)]);
    let most = 0;
    const puts = Array.from({ length: 20 }, (_, index) =>
      opened.store.put(`${index}`, body(), image).then(async () => {
        most = Math.max(most, await server!.connections());
      }),
    );
    await Promise.all(puts);
    assert.equal(most, 3);
    assert.equal(await server!.connections(), 3);
    await opened.store.close();
    await opened.store.close();
    await eventually("they are gone", async () => (await server!.connections()) === 0);
    await assert.rejects(opened.store.head("x"), withCode("store-unavailable"));
  });

  test("copies many of its own objects at once", async () => {
    await using opened = await openStore(server, { connections: 2 });
    const { store } = opened;
    const bytes = randomBytes(1_000_000);
    const keys = Array.from({ length: 8 }, (_, index) => `${index}`);
    for (const key of keys) await store.put(`from/${key}`, bodyOf(bytes), image);
    await Promise.all(keys.map(async (key) => store.put(`to/${key}`, (await store.get(`from/${key}`)).stream, image)));
    for (const key of keys) assert.equal((await read(store, `to/${key}`)).compare(bytes), 0);
  });

  test("fails what was under way when the connections drop, and connects anew for the next call", async () => {
    for (const on of [server!, secure!]) {
      await using opened = await openStore(on);
      const { store, root } = opened;
      const bytes = randomBytes(20_000_000);
      await store.put("old.jpg", bodyOf(bytes), image);
      const { stream } = await store.get("old.jpg");
      const reading = stream[Symbol.asyncIterator]();
      await reading.next();
      const body = new Readable({ read() {} });
      const failing = assert.rejects(store.put("new.jpg", body, image), withCode("store-unavailable"));
      body.push(Buffer.alloc(100_000));
      await eventually("the put has begun", async () => (await readdir(root)).length === 2);
      await on.drop();
      await assert.rejects(drain(reading), withCode("store-unavailable"));
      await failing;
      assert.ok(body.destroyed);
      assert.deepEqual(await keysOf(store), ["old.jpg"]);
      assert.equal((await read(store, "old.jpg")).compare(bytes), 0);
      assert.deepEqual(await readdir(root), ["old.jpg"]);
    }
  });

  test("goes on after the server was away", async () => {
    await using restarted = await startVsftpd();
    await using opened = await openStore(restarted);
    await goesOnAfterItsServerWasAway(opened.store, restarted);
  });

  test("does not wait for ever for a server that has fallen silent", async () => {
    await using opened = await openStore();
    const { store } = opened;
    await store.put("x.jpg", bodyOf(randomBytes(20_000_000)), image);
    const { stream } = await store.get("x.jpg");
    const reading = stream[Symbol.asyncIterator]();
    await reading.next();
    const frozen = Promise.withResolvers<void>();
    const endless = async function* () {
      yield Buffer.alloc(100_000);
      await frozen.promise;
      while (true) yield Buffer.alloc(100_000);
    };
    const gone = withCode("store-unavailable");
    const failing = assert.rejects(store.put("y.jpg", Readable.from(endless()), image), gone);
    await eventually("the put has begun", async () => (await readdir(opened.root)).length === 2);
    await server!.freeze();
    frozen.resolve();
    try {
      await Promise.all([assert.rejects(store.head("x.jpg"), gone), assert.rejects(drain(reading), gone), failing]);
    } finally {
      await server!.thaw();
    }
    assert.equal((await store.head("x.jpg"))?.size, 20_000_000);
  });

  test("waits for a reader and a body that are slow", async () => {
    await using opened = await openStore();
    const { store } = opened;
    const bytes = randomBytes(20_000_000);
    const slowly = async function* () {
      yield bytes.subarray(0, 10);
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      yield bytes.subarray(10);
    };
    await store.put("x.jpg", Readable.from(slowly()), image);
    const { stream } = await store.get("x.jpg");
    const reading = stream[Symbol.asyncIterator]();
    const got: Buffer[] = [(await reading.next()).value];
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    for (let next = await reading.next(); !next.done; next = await reading.next()) got.push(next.value);
    assert.equal(Buffer.concat(got).compare(bytes), 0);
  });

  test("leaks no connections when readers and bodies give up, and reads the beginnings of files over one", async () => {
    for (const on of [server!, secure!]) {
      await using opened = await openStore(on);
      const { store, root } = opened;
      await givesUpAgainAndAgain(store);
      assert.ok((await on.connections()) <= 4);
      assert.deepEqual(await readdir(root), ["x.jpg"]);
      const before = await on.connections();
      for (let round = 0; round < 20; round += 1) {
        assert.equal((await read(store, "x.jpg", { range: { start: 100, end: 4_195 } })).length, 4_096);
      }
      assert.equal(await on.connections(), before);
      await store.close();
      await eventually("all are gone", async () => (await on.connections()) === 0);
    }
  });
});
