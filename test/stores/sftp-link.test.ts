import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, readdir, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import ssh2 from "ssh2";
import type { Problem } from "../../src/errors.ts";
import { fingerprintOf } from "../../src/stores/sftp-host.ts";
import { eventually } from "../contracts/eventually.ts";
import { drain } from "../contracts/folder-store.ts";
import { givesUpAgainAndAgain, goesOnAfterItsServerWasAway } from "../contracts/remote-store.ts";
import { bodyOf, keysOf, read, withCode } from "../contracts/store.ts";
import { freePort, listen } from "../fixtures/file-server.ts";
import { startSshd, withoutSshd } from "../fixtures/ssh-server.ts";
import { openSftp } from "./sftp-store.ts";

const run = promisify(execFile);
const image = { contentType: "image/jpeg" };
const skip = withoutSshd();
const isRoot = process.getuid?.() === 0;
const server = skip ? undefined : await startSshd();
after(async () => {
  await server?.[Symbol.asyncDispose]();
});

const openStore = (on = server!, changes: Parameters<typeof openSftp>[1] = {}) => openSftp(on, changes);

describe("the sftp store's way to its server", { skip }, () => {
  test("takes only the server that has the expected key, and shows both where it has another", async () => {
    const other = `SHA256:${randomBytes(32).toString("base64").replace("=", "")}`;
    await using opened = await openStore(server, { hostKey: other });
    await assert.rejects(opened.store.head("x"), (problem: Problem) => {
      assert.equal(problem.code, "store-unavailable");
      assert.ok(problem.message.includes(other) && problem.message.includes(server!.fingerprint), problem.message);
      assert.match(problem.remedy ?? "", /ssh-keygen -lf/);
      return true;
    });
    await using known = await openStore(server, { hostKey: [other, `${server!.fingerprint}=`] });
    assert.equal(await known.store.head("x"), undefined);
  });

  test("says store-denied for a key or a password that is not let in, and shows neither", async () => {
    await using folder = await openStore();
    const stranger = join(folder.root, "stranger");
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", stranger]);
    await using keyed = await openStore(server, { privateKey: stranger });
    await assert.rejects(keyed.store.head("x"), withCode("store-denied"));
    await using said = await openStore(server, { privateKey: stranger, password: "open sesame" });
    await assert.rejects(said.store.head("x"), (problem: Problem) => {
      assert.equal(problem.code, "store-denied");
      assert.ok(!JSON.stringify([problem.message, problem.remedy, problem.cause]).includes("sesame"));
      return true;
    });
  });

  test("opens an encrypted key by its passphrase, and says what is wrong with a key it can't use", async () => {
    const { encryptedKey: privateKey, passphrase } = server!;
    await using opened = await openStore(server, { privateKey, passphrase });
    assert.equal(await opened.store.head("x"), undefined);
    for (const changes of [{ privateKey, passphrase: "wrong horse" }, { privateKey }, { privateKey: "/nowhere/key" }]) {
      await using broken = await openStore(server, changes);
      await assert.rejects(broken.store.head("x"), (problem: Problem) => {
        assert.equal(problem.code, "invalid-config", problem.message);
        assert.ok(!problem.message.includes("wrong horse"));
        return true;
      });
    }
  });

  test("says store-unavailable where nobody answers, or somebody who speaks no SSH", async () => {
    await using opened = await openStore(server, { port: await freePort() });
    await assert.rejects(opened.store.head("x"), withCode("store-unavailable"));
    await assert.rejects(keysOf(opened.store), withCode("store-unavailable"));
    await using elsewhere = await openStore(server, { host: "no-such-host.invalid" });
    await assert.rejects(elsewhere.store.head("x"), withCode("store-unavailable"));
    for (const greeting of ["220 ready\r\n", ""]) {
      await using other = await listen((socket) => socket.write(greeting));
      await using there = await openStore(server, { port: other.port, connectMs: 300 });
      await assert.rejects(there.store.head("x"), withCode("store-unavailable"));
    }
  });

  test("answers a server that asks for the password by a dialogue", async () => {
    const { private: hostKey, public: publicKey } = ssh2.utils.generateKeyPairSync("ed25519");
    const key = ssh2.utils.parseKey(publicKey);
    assert.ok(!(key instanceof Error));
    const asking = new ssh2.Server({ hostKeys: [hostKey] }, (connection) => {
      connection.on("error", () => {});
      connection.on("authentication", (context) => {
        if (context.method !== "keyboard-interactive") return context.reject(["keyboard-interactive"]);
        context.prompt([{ prompt: "Password:", echo: false }], ([said]) =>
          said === "open sesame" ? context.accept() : context.reject(),
        );
      });
      connection.on("session", (accept) =>
        accept().on("sftp", (start) => {
          const sftp = start();
          sftp.on("STAT", (id) => sftp.attrs(id, { mode: 0o040755, uid: 0, gid: 0, size: 0, atime: 0, mtime: 0 }));
          sftp.on("LSTAT", (id) => sftp.status(id, 2));
        }),
      );
    });
    await new Promise<void>((resolve) => asking.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = asking.address() as AddressInfo;
      const there = { port, hostKey: fingerprintOf(key.getPublicSSH()), password: "open sesame" };
      await using opened = await openStore(server, there);
      assert.equal(await opened.store.head("x"), undefined);
      await using wrong = await openStore(server, { ...there, password: "open barley" });
      await assert.rejects(wrong.store.head("x"), withCode("store-denied"));
    } finally {
      await new Promise<void>((resolve) => asking.close(() => resolve()));
    }
  });

  test("makes one connection for all that is asked at once, and ends it when it is closed", async () => {
    const opened = await openStore();
    await eventually("those before are gone", async () => (await server!.connections()) === 0);
    await Promise.all(Array.from({ length: 20 }, (_, index) => opened.store.put(`${index}`, bodyOf("x"), image)));
    assert.equal(await server!.connections(), 1);
    await opened.store.close();
    await opened.store.close();
    await eventually("it is gone", async () => (await server!.connections()) === 0);
    await assert.rejects(opened.store.head("x"), withCode("store-unavailable"));
  });

  test("fails what was under way when the connection drops, and connects anew for the next call", async () => {
    await using opened = await openStore();
    const { store, root } = opened;
    const bytes = randomBytes(20_000_000);
    await store.put("old.jpg", bodyOf(bytes), image);
    const { stream } = await store.get("old.jpg");
    const reading = stream[Symbol.asyncIterator]();
    await reading.next();
    const body = new Readable({ read() {} });
    const putting = store.put("new.jpg", body, image);
    body.push(Buffer.alloc(100_000));
    await eventually("the put has begun", async () => (await readdir(root)).length === 2);
    const listing = store.list("")[Symbol.asyncIterator]();
    await server!.drop();
    await assert.rejects(drain(reading), withCode("store-unavailable"));
    await assert.rejects(
      (async () => {
        body.push(Buffer.alloc(100_000));
        await putting;
      })(),
      withCode("store-unavailable"),
    );
    assert.ok(body.destroyed);
    assert.equal((await listing.next()).value?.key, "old.jpg");
    await listing.return?.();
    assert.deepEqual(await keysOf(store), ["old.jpg"]);
    assert.equal((await read(store, "old.jpg")).compare(bytes), 0);
    assert.deepEqual(await readdir(root), ["old.jpg"]);
  });

  test("goes on after the server was away", async () => {
    await using restarted = await startSshd();
    await using opened = await openStore(restarted);
    await goesOnAfterItsServerWasAway(opened.store, restarted);
  });

  test("does not wait for ever for a server that has fallen silent", async () => {
    await using opened = await openStore();
    const { store } = opened;
    await store.put("x.jpg", bodyOf(randomBytes(20_000_000)), image);
    const { stream } = await store.get("x.jpg");
    await server!.freeze();
    try {
      await assert.rejects(store.head("x.jpg"), withCode("store-unavailable"));
      await assert.rejects(stream.toArray(), withCode("store-unavailable"));
    } finally {
      await server!.thaw();
    }
    assert.equal((await store.head("x.jpg"))?.size, 20_000_000);
  });

  test("leaks neither connections nor open files when readers and bodies give up", async () => {
    await using opened = await openStore();
    const { store, root } = opened;
    await givesUpAgainAndAgain(store);
    await eventually("all are closed", async () => (await server!.openFiles()) === 0);
    assert.equal(await server!.connections(), 1);
    assert.deepEqual(await readdir(root), ["x.jpg"]);
  });
});

describe("the sftp store on servers that allow less", { skip }, () => {
  test("replaces nothing where that can't be done at once, unless it is told to", async () => {
    await using poor = await startSshd({ deny: ["posix-rename", "hardlink"] });
    await using careful = await openStore(poor);
    await careful.store.put("x.jpg", bodyOf("old"), { ...image, ifNoneMatch: "*" });
    await careful.store.put("y.jpg", bodyOf("other"), image);
    await assert.rejects(careful.store.put("x.jpg", bodyOf("new"), image), (problem: Problem) => {
      assert.equal(problem.code, "invalid-config");
      assert.match(problem.message, /posix-rename@openssh\.com/);
      assert.match(problem.remedy ?? "", /nonAtomic: true/);
      return true;
    });
    await assert.rejects(
      careful.store.put("x.jpg", bodyOf("new"), { ...image, ifNoneMatch: "*" }),
      withCode("already-exists"),
    );
    assert.equal(String(await read(careful.store, "x.jpg")), "old");
    await using bold = await openStore(poor, { root: careful.root, nonAtomic: true });
    await bold.store.put("x.jpg", bodyOf("new"), image);
    assert.equal(String(await read(bold.store, "x.jpg")), "new");
    assert.deepEqual((await readdir(careful.root)).sort(), ["x.jpg", "y.jpg"]);
  });

  test("says store-denied where it may only read", async () => {
    await using readable = await startSshd({ readOnly: true });
    await using opened = await openStore(readable);
    await writeFile(join(opened.root, "x.jpg"), "x");
    assert.equal(String(await read(opened.store, "x.jpg")), "x");
    await assert.rejects(opened.store.put("y.jpg", bodyOf("y"), image), withCode("store-denied"));
    await assert.rejects(opened.store.put("a/y.jpg", bodyOf("y"), image), withCode("store-denied"));
    await assert.rejects(opened.store.remove("x.jpg"), withCode("store-denied"));
  });

  test("tells an unreadable folder, lists the rest, and says store-denied for what lies in it", async () => {
    await using guarded = await startSshd(isRoot ? { user: "daemon" } : {});
    await using opened = await openStore(guarded);
    const { store, root, problems } = opened;
    for (const key of ["a/x.jpg", "locked/y.jpg", "z.jpg"]) await store.put(key, bodyOf(key), image);
    await chmod(join(root, "locked"), 0o000);
    const unknown: string[] = [];
    const listed = await Array.fromAsync(store.list("", { onUnknown: (prefix) => unknown.push(prefix) }));
    assert.deepEqual(listed.map(({ key }) => key).toSorted(), ["a/x.jpg", "z.jpg"]);
    assert.deepEqual([problems.map(({ code }) => code), unknown], [["store-denied"], ["locked/"]]);
    assert.match(problems[0]!.message, /locked/);
    for (const denied of [store.get("locked/y.jpg"), store.head("locked/y.jpg"), keysOf(store, "locked")]) {
      await assert.rejects(denied, withCode("store-denied"));
    }
    await assert.rejects(store.put("locked/y.jpg", bodyOf("y"), image), withCode("store-denied"));
    await chmod(join(root, "locked"), 0o755);
    await chmod(root, 0o000);
    await assert.rejects(keysOf(store), withCode("store-denied"));
    await chmod(root, 0o755);
  });
});
