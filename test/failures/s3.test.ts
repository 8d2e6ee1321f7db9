import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { PutBucketPolicyCommand } from "@aws-sdk/client-s3";
import { eventually } from "../contracts/eventually.ts";
import { bodyOf, keysOf, read } from "../contracts/store.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { s3Error } from "../fixtures/canned-answers.ts";
import { type Ceph, startCeph, withoutCeph } from "../fixtures/ceph-server.ts";
import { makeCertificate } from "../fixtures/certificate.ts";
import { startDeafListener } from "../fixtures/deaf-listener.ts";
import { blackHole } from "../fixtures/fault-proxy.ts";
import { createAccount, type OpenedS3, openS3, type S3Account } from "./s3-store.ts";
import { failing, told, verbsOf } from "./told.ts";

const skip = withoutCeph();
const image = { contentType: "image/jpeg" };
let ceph: Ceph;
before(async () => {
  if (skip === false) ceph = await startCeph();
});
after(async () => {
  await ceph?.[Symbol.asyncDispose]();
});

const openStore = (opened?: OpenedS3, account: S3Account = ceph) => openS3(account, opened);
const names = (key: string) => ({ names: ["archive", key], secrets: ["testsecret"] });

describe("an S3 store on a bad network, or of a server that has had enough", { skip, concurrency: true }, () => {
  test("says store-unavailable where nobody listens, and works as soon as somebody does", async () => {
    await using opened = await openStore();
    const { store, proxy } = opened;
    await store.put("x.jpg", bodyOf("x"), image);
    await proxy.refuse();
    const verbs = Object.entries(verbsOf(store, "x.jpg"));
    await Promise.all(
      verbs.map(async ([verb, act]) => {
        const { problem, ms } = await failing(act);
        told("store-unavailable", { names: verb === "list" ? ["archive"] : ["archive", "x.jpg"] })(problem);
        assert.match(problem.message, /ECONNREFUSED/);
        assert.ok(ms < 20_000, `${verb} took ${ms} ms`);
      }),
    );
    await proxy.accept();
    assert.equal(String(await read(store, "x.jpg")), "x");
    assert.deepEqual(await opened.lying(), ["x.jpg"]);
  });

  test("works where each answer comes late, and a request takes far longer than the server may be silent", async () => {
    await using opened = await openStore({ timeouts: { connectMs: 5_000, idleMs: 3_000 } });
    const { store, proxy, lying } = opened;
    const bytes = randomBytes(20_000_000);
    proxy.set({ toServer: { bytesPerSecond: 5_000_000 }, toClient: { latencyMs: 2 } });
    await store.put("x.jpg", bodyOf(bytes), image);
    assert.equal((await read(store, "x.jpg")).compare(bytes), 0);
    assert.deepEqual(await keysOf(store), ["x.jpg"]);
    assert.deepEqual(await lying(), ["x.jpg"]);
  });

  test("says store-unavailable in bounded time where connections stand and nobody answers", async () => {
    await using opened = await openStore({ timeouts: { connectMs: 700, idleMs: 700 } });
    const { store, direct, proxy, lying } = opened;
    await direct.put("x.jpg", bodyOf("x"), image);
    proxy.set(blackHole);
    const { get, head, put } = verbsOf(store, "x.jpg");
    await Promise.all(
      Object.entries({ get, head, put }).map(async ([verb, act]) => {
        const { problem, ms } = await failing(act!);
        told("store-unavailable", { ...names("x.jpg"), remedy: /server runs/ })(problem);
        // Three tries of the client's.
        assert.ok(ms > 2_000 && ms < 10_000, `${verb} took ${ms} ms`);
      }),
    );
    proxy.set({});
    // What nobody waited for any more may still arrive.
    assert.match(String(await read(direct, "x.jpg")), /^(x|new)$/);
    assert.deepEqual(await lying(), ["x.jpg"]);
  });

  test("says store-unavailable in bounded time where not even a connection comes about", async () => {
    await using deaf = await startDeafListener();
    await using opened = await openStore({
      ...{ settings: { endpoint: deaf.url }, timeouts: { connectMs: 300, idleMs: 60_000 } },
    });
    const { problem, ms } = await failing(() => opened.store.head("x.jpg"));
    told("store-unavailable", { ...names("x.jpg"), remedy: /server runs/ })(problem);
    assert.ok(ms < 10_000, `it took ${ms} ms`);
  });

  test("fails a read that goes silent in the middle, and lets go of its connection", async () => {
    await using opened = await openStore({ timeouts: { connectMs: 5_000, idleMs: 800 } });
    const { store, direct, proxy } = opened;
    await direct.put("x.jpg", bodyOf(randomBytes(3_000_000)), image);
    proxy.set({ toClient: { silentAfter: 500_000 } });
    const { problem, ms } = await failing(() => read(store, "x.jpg"));
    told("store-unavailable", { names: ["archive", "x.jpg"] })(problem);
    assert.ok(ms < 10_000, `it took ${ms} ms`);
    await eventually("its connection is gone", () => proxy.counts().open === 0);
  });

  for (const [how, weather] of [
    ["is cut off cleanly", { endAfter: 500_000 }],
    ["is reset", { resetAfter: 500_000 }],
  ] as const) {
    test(`never takes a body that ${how} for a whole one`, async () => {
      await using opened = await openStore();
      const { store, proxy } = opened;
      const bytes = randomBytes(3_000_000);
      await store.put("x.jpg", bodyOf(bytes), image);
      proxy.set({ toClient: weather });
      for (const range of [undefined, { start: 100_000, end: 2_000_000 }]) {
        const { problem } = await failing(() => read(store, "x.jpg", { ...(range && { range }) }));
        told("store-unavailable", { names: ["archive", "x.jpg"] })(problem);
      }
      proxy.set({});
      assert.equal((await read(store, "x.jpg")).compare(bytes), 0);
    });
  }

  test("reads nothing cut off by a signed address either", async () => {
    await using opened = await openStore({ settings: { read: "presigned" } });
    const { store, proxy } = opened;
    await store.put("x.jpg", bodyOf(randomBytes(3_000_000)), image);
    for (const toClient of [{ endAfter: 500_000 }, { resetAfter: 500_000 }]) {
      proxy.set({ toClient });
      await assert.rejects(read(store, "x.jpg"), told("store-unavailable", names("x.jpg")));
    }
    proxy.set({});
    await proxy.refuse();
    await assert.rejects(store.get("x.jpg"), told("store-unavailable", { ...names("x.jpg"), remedy: /server runs/ }));
  });

  test("sends a small object again whose connection was reset in the middle", async () => {
    await using opened = await openStore();
    const { store, proxy, lying } = opened;
    const bytes = randomBytes(2_000_000);
    proxy.next({ toServer: { resetAfter: 500_000 } });
    await store.put("x.jpg", bodyOf(bytes), { ...image, size: bytes.length, ifNoneMatch: "*" });
    assert.equal((await read(store, "x.jpg")).compare(bytes), 0);
    assert.deepEqual(await lying(), ["x.jpg"]);
  });

  test("leaves the old object and nothing half where each try of a put is reset", async () => {
    await using opened = await openStore();
    const { store, proxy, lying } = opened;
    await store.put("x.jpg", bodyOf("old"), image);
    for (const size of [2_000_000, 20_000_000]) {
      proxy.set({ toServer: { resetAfter: 500_000 } });
      const body = bodyOf(randomBytes(size));
      await assert.rejects(store.put("x.jpg", body, { ...image, size }), told("store-unavailable", names("x.jpg")));
      assert.ok(body.destroyed);
      proxy.set({});
    }
    assert.equal(String(await read(store, "x.jpg")), "old");
    assert.deepEqual(await lying(), ["x.jpg"]);
  });

  test("sends a part of a large object again whose connection was reset, and no reader sees it before its end", async () => {
    await using opened = await openStore();
    const { store, proxy, lying } = opened;
    const bytes = randomBytes(20_000_000);
    await store.put("x.jpg", bodyOf("old"), image);
    const slow = { bytesPerSecond: 20_000_000 };
    proxy.set({ toServer: slow });
    // One connection is kept from the first put, and the next is that of a part.
    proxy.next({ toServer: { ...slow, resetAfter: 1_000_000 } });
    const putting = store.put("x.jpg", bodyOf(bytes), image);
    await eventually("it has begun", async () => (await lying()).includes("unfinished x.jpg"));
    assert.equal(String(await read(store, "x.jpg")), "old");
    await putting;
    assert.ok(proxy.counts().all >= 3, "no connection was reset");
    assert.equal((await read(store, "x.jpg")).compare(bytes), 0);
    assert.deepEqual(await lying(), ["x.jpg"]);
  });

  test("sweeps the parts that an upload left where the server went away for good", async () => {
    await using opened = await openStore();
    const { store, proxy, lying } = opened;
    const body = bodyOf(randomBytes(40_000_000));
    proxy.set({ toServer: { bytesPerSecond: 20_000_000 } });
    const putting = failing(() => store.put("x.jpg", body, image));
    await eventually("it has begun", async () => (await lying()).includes("unfinished x.jpg"));
    await proxy.refuse();
    told("store-unavailable", names("x.jpg"))((await putting).problem);
    proxy.set({});
    await proxy.accept();
    assert.deepEqual(await keysOf(store), []);
    assert.equal(await store.sweep!(0), 1);
    assert.deepEqual(await lying(), []);
  });

  for (const [what, status, code] of [
    ["SlowDown", 503, "SlowDown"],
    ["429", 429, "TooManyRequests"],
    ["an error of its own", 500, "InternalError"],
  ] as const) {
    test(`says ${what}: it is asked again after a rest, and store-unavailable is said where it stays so`, async () => {
      await using opened = await openStore();
      const { store, proxy, lying } = opened;
      const answer = { status, ...s3Error(code, "Please reduce your request rate.") };
      const bytes = randomBytes(100_000);
      proxy.answer({ to: /^(PUT|GET|HEAD) /, times: 2, ...answer });
      await store.put("x.jpg", bodyOf(bytes), { ...image, ifNoneMatch: "*" });
      proxy.answer({ to: /^GET /, times: 2, ...answer });
      assert.equal((await read(store, "x.jpg")).compare(bytes), 0);
      const before = proxy.counts().answered;
      const lift = proxy.answer({ to: /^(GET|PUT|DELETE) /, ...answer });
      const { get, put, remove } = verbsOf(store, "x.jpg");
      for (const act of [get!, put!, remove!]) {
        const { problem, ms } = await failing(act);
        told("store-unavailable", names("x.jpg"))(problem);
        assert.match(problem.message, new RegExp(`${code}, status ${status}`));
        assert.ok(ms < 10_000, `it took ${ms} ms`);
      }
      assert.equal(proxy.counts().answered - before, 9, "each three times");
      lift();
      assert.equal((await read(store, "x.jpg")).compare(bytes), 0);
      assert.deepEqual(await lying(), ["x.jpg"]);
    });
  }

  test("says store-unavailable, and what to do, where the bucket is not there", async () => {
    await using opened = await openStore({ settings: { bucket: "no-such-bucket" } });
    const missing = told("store-unavailable", { names: ["archive"], remedy: /makes no buckets/ });
    await Promise.all(Object.values(verbsOf(opened.store, "x.jpg")).map((act) => assert.rejects(act, missing)));
  });

  test("lists on from the page that failed", async () => {
    await using opened = await openStore();
    const { store, proxy } = opened;
    await Promise.all(["a", "b", "c"].map((key) => store.put(key, bodyOf(key), image)));
    proxy.answer({ to: /list-type=2/, times: 4, status: 503, ...s3Error("SlowDown", "Slow down") });
    assert.deepEqual(await keysOf(store), ["a", "b", "c"]);
  });

  test("has no room by its quota: store-full, and the old object stays", async () => {
    const account = await createAccount(ceph);
    await using opened = await openStore({}, account);
    const { store, lying } = opened;
    await store.put("x.jpg", bodyOf("old"), image);
    const quota = ["--quota-scope=user", `--uid=${account.uid}`];
    await ceph.exec("quota", "set", ...quota, "--max-size=1M");
    await ceph.exec("quota", "enable", ...quota);
    for (const size of [2_000_000, 20_000_000]) {
      const body = bodyOf(randomBytes(size));
      const full = { ...names("x.jpg"), remedy: /quota/ };
      await assert.rejects(store.put("x.jpg", body, { ...image, size }), told("store-full", full));
      assert.ok(body.destroyed);
    }
    assert.equal(String(await read(store, "x.jpg")), "old");
    assert.deepEqual(await lying(), ["x.jpg"]);
  });

  test("has no room on its disks (507): store-full", async () => {
    await using opened = await openStore();
    const { store, proxy } = opened;
    proxy.answer({
      to: /^PUT /,
      status: 507,
      ...s3Error("XMinioStorageFull", "Storage backend has reached its minimum"),
    });
    const full = { ...names("x.jpg"), remedy: /room/ };
    await assert.rejects(store.put("x.jpg", bodyOf("x"), image), told("store-full", full));
  });
});

describe("an S3 store that is not let in", { skip }, () => {
  test("says store-denied for wrong keys, with what to do and without the secret", async () => {
    for (const settings of [{ accessKey: "nobody" }, { secretKey: "not-the-secret" }]) {
      for (const how of ["direct", "presigned"] as const) {
        await using opened = await openStore({ settings: { ...settings, read: how } });
        for (const [verb, act] of Object.entries(verbsOf(opened.store, "x.jpg"))) {
          const denied = {
            names: verb === "list" ? ["archive"] : ["archive", "x.jpg"],
            remedy: /accessKey and secretKey/,
          };
          await assert.rejects(
            act,
            told("store-denied", { ...denied, secrets: ["not-the-secret", ceph.secretKey] }),
            verb,
          );
        }
      }
    }
  });

  test("says store-denied where it may read and not write", async () => {
    await using opened = await openStore();
    const { bucket, lying, store, client } = opened;
    await store.put("x.jpg", bodyOf("x"), image);
    const { uid, accessKey, secretKey } = await createAccount(ceph);
    const Statement = {
      ...{ Effect: "Allow", Principal: { AWS: [`arn:aws:iam:::user/${uid}`] } },
      ...{ Action: ["s3:GetObject", "s3:ListBucket"] },
      Resource: [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`],
    };
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [Statement] });
    await client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
    await using guest = await openStore({ settings: { bucket, accessKey, secretKey } });
    assert.equal(String(await read(guest.store, "x.jpg")), "x");
    assert.deepEqual(await keysOf(guest.store), ["x.jpg"]);
    const denied = { names: ["archive", "x.jpg"], remedy: /allowed to do/, secrets: [secretKey] };
    const { put, remove } = verbsOf(guest.store, "x.jpg");
    await assert.rejects(put!, told("store-denied", denied));
    await assert.rejects(remove!, told("store-denied", denied));
    await assert.rejects(
      guest.store.put("x.jpg", bodyOf(randomBytes(20_000_000)), image),
      told("store-denied", denied),
    );
    assert.deepEqual(await lying(), ["x.jpg"]);
  });

  test("works with a clock that is an hour off: the client takes the server's time", async (context) => {
    await using opened = await openStore();
    const { store } = opened;
    context.mock.timers.enable({ apis: ["Date"], now: Date.now() - 3_600_000 });
    await store.put("x.jpg", bodyOf("x"), image);
    assert.equal(String(await read(store, "x.jpg")), "x");
  });

  test("says that the clocks differ where the server goes on saying so", async () => {
    await using opened = await openStore();
    const { store, proxy } = opened;
    const skewed = s3Error(
      "RequestTimeTooSkewed",
      "The difference between the request time and the current time is too large.",
    );
    proxy.answer({ to: /^(PUT|GET) /, status: 403, ...skewed });
    const { get, put } = verbsOf(store, "x.jpg");
    for (const act of [get!, put!]) {
      await assert.rejects(act, told("store-denied", { ...names("x.jpg"), remedy: /clock/ }));
    }
  });

  for (const [what, options, code] of [
    ["nobody vouches for", {}, "SELF_SIGNED"],
    ["has expired", { isExpired: true }, "CERT_HAS_EXPIRED"],
    ["is for another host", { names: "DNS:elsewhere.example" }, "ALTNAME"],
  ] as const) {
    test(`sends nothing to a server whose certificate ${what}`, async () => {
      await using folder = await temporaryFolder();
      const certificate = (await makeCertificate(options))!;
      const caFile = join(folder.path, "ca.pem");
      await writeFile(caFile, certificate.cert);
      const trusted = code === "SELF_SIGNED" ? {} : { caFile };
      await using opened = await openStore({ proxy: { certificate }, settings: trusted });
      const { head, put } = verbsOf(opened.store, "x.jpg");
      for (const act of [head!, put!]) {
        const { problem } = await failing(act);
        told("store-unavailable", { ...names("x.jpg"), remedy: /certificate/ })(problem);
        assert.match(problem.message, new RegExp(code));
      }
      assert.equal(opened.proxy.counts().all, 0, "a connection came about");
    });
  }
});
