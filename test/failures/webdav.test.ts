import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { Problem } from "../../src/errors.ts";
import { createWebdavStore } from "../../src/stores/webdav.ts";
import type { WebdavSettings } from "../../src/stores/webdav-connection.ts";
import { bodyOf, keysOf, read } from "../contracts/store.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { makeCertificate } from "../fixtures/certificate.ts";
import { type FaultProxyOptions, startFaultProxy } from "../fixtures/fault-proxy.ts";
import { startWebdav, type WebdavServer, withoutWebdav } from "../fixtures/webdav-server.ts";
import { failing, told, verbsOf } from "./told.ts";

const image = { contentType: "image/jpeg" };
const skip = withoutWebdav();
const server = skip ? undefined : await startWebdav();
after(() => server?.[Symbol.asyncDispose]());

interface Opened {
  readonly on?: WebdavServer;
  readonly settings?: Partial<WebdavSettings>;
  readonly proxy?: Partial<FaultProxyOptions>;
}

async function openStore({ on = server!, settings = {}, proxy: options = {} }: Opened = {}) {
  const root = randomUUID();
  const folder = join(on.exported, root);
  await mkdir(folder);
  await chmod(folder, 0o777);
  const { port, pathname } = new URL(on.url);
  const proxy = await startFaultProxy({ target: Number(port), ...options });
  const url = `${options.certificate ? "https" : "http"}://127.0.0.1:${proxy.port}${pathname}`;
  const problems: Problem[] = [];
  const store = createWebdavStore({
    ...{ name: "archive", root, timeouts: { connectMs: 5_000, idleMs: 5_000 } },
    onProblem: (problem) => problems.push(problem),
    settings: { url, username: "dav", password: "secret", ...settings },
  });
  return {
    ...{ store, proxy, folder, problems },
    async [Symbol.asyncDispose]() {
      await store.close();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

const names = { names: ["archive", "x.jpg"], secrets: ["secret"] };

describe("a WebDAV server in trouble", { skip }, () => {
  test("that answers 423, 429, 500, 502 or 503 is out of reach, the number is told, and nothing half is left", async () => {
    await using opened = await openStore();
    const { store, proxy, folder } = opened;
    await store.put("x.jpg", bodyOf("old"), image);
    for (const status of [423, 429, 500, 502, 503]) {
      for (const to of [/^(GET|PROPFIND|DELETE) /, /^PUT /, /^MOVE /]) {
        const lift = proxy.answer({ to, status });
        const { get, put, remove } = verbsOf(store, "x.jpg");
        const acts = to.test("GET ") ? [get!, put!, remove!] : to.test("PUT ") ? [put!] : [];
        // One that is new is moved to its place.
        for (const act of [...acts, () => store.put("new.jpg", bodyOf("new"), image)]) {
          const { problem } = await failing(act);
          told("store-unavailable", { names: ["archive"] })(problem);
          assert.match(problem.message, new RegExp(`${status}`));
        }
        lift();
      }
    }
    await store.sweep!(-2_000);
    assert.deepEqual(await readdir(folder), ["x.jpg"]);
    assert.equal(String(await read(store, "x.jpg")), "old");
  });

  test("at one folder alone lists all others, tells of that one, and says that it does not know what is there", async () => {
    await using opened = await openStore();
    const { store, proxy, problems } = opened;
    for (const key of ["a.jpg", "bad/x.jpg", "bad/deeper/y.jpg", "good/z.jpg"]) {
      await store.put(key, bodyOf(key), image);
    }
    const lift = proxy.answer({ to: /^PROPFIND \S+\/bad\/$/, status: 500 });
    const unknown: string[] = [];
    const onUnknown = (prefix: string) => void unknown.push(prefix);
    const listed = await Array.fromAsync(store.list("", { onUnknown }));
    assert.deepEqual(listed.map(({ key }) => key).toSorted(), ["a.jpg", "good/z.jpg"]);
    assert.deepEqual(unknown, ["bad/"]);
    const [problem, ...more] = problems;
    assert.deepEqual(more, []);
    told("store-unavailable", { names: ["archive", "bad/"] })(problem!);
    assert.match(problem!.message, /500/);
    lift();
    assert.deepEqual(await keysOf(store), ["a.jpg", "bad/deeper/y.jpg", "bad/x.jpg", "good/z.jpg"]);
    proxy.answer({ to: /^PROPFIND /, status: 500 });
    await assert.rejects(keysOf(store), told("store-unavailable", { names: ["archive"] }));
  });

  test("at one folder after the other is out of reach itself", async () => {
    await using opened = await openStore();
    const { store, proxy, folder, problems } = opened;
    for (let index = 0; index < 25; index += 1) await mkdir(join(folder, `ward ${index}`));
    proxy.answer({ to: /^PROPFIND \S+\/ward%20\d+\/$/, status: 503 });
    await assert.rejects(keysOf(store), told("store-unavailable", { names: ["archive", "ward "] }));
    assert.equal(problems.length, 20);
  });

  test("that says 507 is full, with what to do", async () => {
    await using opened = await openStore();
    const lift = opened.proxy.answer({ to: /^PUT /, status: 507 });
    await assert.rejects(
      opened.store.put("x.jpg", bodyOf("x"), image),
      told("store-full", { ...names, remedy: /room|quota/ }),
    );
    lift();
    assert.deepEqual(await readdir(opened.folder), []);
  });

  test("that lets its account only read is store-denied for what writes", async () => {
    await using reading = await startWebdav([
      ...["</Directory>", "<Location /dav>", "AuthMerging And", "Require method GET PROPFIND OPTIONS", "</Location>"],
      "<Directory /nowhere>",
    ]);
    await using opened = await openStore({ on: reading });
    const { store, folder } = opened;
    await writeFile(join(folder, "x.jpg"), "x");
    assert.equal(String(await read(store, "x.jpg")), "x");
    assert.deepEqual(await keysOf(store), ["x.jpg"]);
    const denied = told("store-denied", { ...names, remedy: /credentials/ });
    const { put, remove } = verbsOf(store, "x.jpg");
    await assert.rejects(put!, denied);
    await assert.rejects(remove!, denied);
    await assert.rejects(
      store.put("a/new.jpg", bodyOf("x"), image),
      told("store-denied", { names: ["archive", "new.jpg"] }),
    );
    assert.deepEqual(await readdir(folder), ["x.jpg"]);
  });

  test("behind a login page that answers everything with 200 is out of reach, and nothing of it is taken for an object", async () => {
    await using opened = await openStore();
    const { store, proxy, folder } = opened;
    await store.put("x.jpg", bodyOf("old"), image);
    const headers = { "content-type": "text/html", "last-modified": new Date().toUTCString() };
    proxy.answer({ to: /./, status: 200, headers, body: "<html><body>Please log in</body></html>" });
    for (const [verb, act] of Object.entries(verbsOf(store, "x.jpg"))) {
      await assert.rejects(act, told("store-unavailable", { names: ["archive"] }), verb);
    }
    assert.deepEqual(await readdir(folder), ["x.jpg"]);
  });

  for (const [what, options, code] of [
    ["has expired", { isExpired: true }, "CERT_HAS_EXPIRED"],
    ["is for another host", { names: "DNS:elsewhere.example" }, "ALTNAME"],
  ] as const) {
    test(`whose certificate ${what} gets neither password nor pictures`, async () => {
      await using folder = await temporaryFolder();
      const certificate = (await makeCertificate(options))!;
      const caFile = join(folder.path, "ca.pem");
      await writeFile(caFile, certificate.cert);
      await using opened = await openStore({ proxy: { certificate }, settings: { caFile } });
      for (const act of Object.values(verbsOf(opened.store, "x.jpg"))) {
        const { problem } = await failing(act);
        told("store-unavailable", { names: ["archive"], remedy: /certificate/ })(problem);
        assert.match(problem.message, new RegExp(code));
      }
      assert.equal(opened.proxy.counts().bytes, 0, "something was answered");
    });
  }
});
