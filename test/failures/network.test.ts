import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openSpool } from "../../src/pipeline/spool.ts";
import { eventually } from "../contracts/eventually.ts";
import { bodyOf, keysOf, read, withCode } from "../contracts/store.ts";
import { startDeafListener } from "../fixtures/deaf-listener.ts";
import { blackHole, type Weather } from "../fixtures/fault-proxy.ts";
import { type End, type Ends, kinds } from "./ends.ts";
import { failing, told, verbsOf } from "./told.ts";

const image = { contentType: "image/jpeg" };
const isTemporary = (name: string) => /^\.veil-[0-9a-f-]{36}\.part$/.test(name);
/** More than is said until a body begins, and less than the body. */
const cutAfter = 100_000;

async function failsEverywhere({ store }: End, withinMs: number, remedy?: RegExp): Promise<void> {
  await Promise.all(
    Object.entries(verbsOf(store, "x.jpg")).map(async ([verb, act]) => {
      const { problem, ms } = await failing(act);
      const names = verb === "list" ? ["archive"] : ["archive", "x.jpg"];
      told("store-unavailable", { names, secrets: ["secret", "open-sesame"], ...(remedy && { remedy }) })(problem);
      assert.ok(ms < withinMs, `${verb} took ${ms} ms`);
    }),
  );
}

for (const { name, skip, start } of kinds) {
  // Its client asks again: see there.
  if (name === "s3") continue;
  describe(`a store by ${name} on a bad network`, { skip, concurrency: true }, () => {
    let ends: Ends;
    before(async () => {
      if (skip === false) ends = await start();
    });
    after(async () => {
      await ends?.[Symbol.asyncDispose]();
    });

    test(`${name}: says store-unavailable where nobody listens, and works as soon as somebody does`, async () => {
      await using end = await ends.open();
      await end.place("x.jpg", Buffer.from("x"));
      await end.proxy.refuse();
      await failsEverywhere(end, 10_000, /server runs/);
      await end.proxy.accept();
      assert.equal(String(await read(end.store, "x.jpg")), "x");
      assert.deepEqual(await end.lying(), ["x.jpg"]);
    });

    test(`${name}: says store-unavailable in bounded time where not even a connection comes about`, async () => {
      await using deaf = await startDeafListener();
      await using end = await ends.open({ port: deaf.port, connectMs: 300, idleMs: 60_000 });
      await failsEverywhere(end, 10_000);
    });

    test(`${name}: works where each answer comes late, but not later than the server may be silent`, async () => {
      await using end = await ends.open();
      const { store, proxy } = end;
      const bytes = randomBytes(50_000);
      proxy.set({ toServer: { latencyMs: 20 }, toClient: { latencyMs: 20 } });
      await store.put("x.jpg", bodyOf(bytes), image);
      assert.equal((await read(store, "x.jpg")).compare(bytes), 0);
      assert.deepEqual(await keysOf(store), ["x.jpg"]);
      assert.deepEqual(await end.lying(), ["x.jpg"]);
    });

    test(`${name}: says store-unavailable in bounded time where connections stand and nobody answers`, async () => {
      await using fresh = await ends.open({ connectMs: 500, idleMs: 500 });
      await using used = await ends.open();
      await used.place("x.jpg", Buffer.from("x"));
      assert.equal(String(await read(used.store, "x.jpg")), "x");
      for (const end of [fresh, used]) {
        end.proxy.set(blackHole);
        if ("control" in end.proxy) (end.proxy.control as typeof end.proxy).set(blackHole);
      }
      await Promise.all([failsEverywhere(fresh, 10_000), failsEverywhere(used, 15_000)]);
    });

    for (const [how, weather] of [
      ["is cut off cleanly", { endAfter: cutAfter }],
      ["is reset", { resetAfter: cutAfter }],
      ["goes silent", { silentAfter: cutAfter }],
    ] as const satisfies readonly (readonly [string, Weather["toClient"]])[]) {
      test(`${name}: never takes a body that ${how} for a whole one, and lets go of its connection`, async () => {
        await using end = await ends.open();
        const { store, proxy } = end;
        const bytes = randomBytes(3_000_000);
        await end.place("x.jpg", bytes);
        for (const range of [undefined, { start: 1_000, end: 2_000_000 }]) {
          proxy.set({ toClient: weather });
          const { problem, ms } = await failing(() => read(store, "x.jpg", { ...(range && { range }) }));
          told("store-unavailable", { names: ["archive", "x.jpg"] })(problem);
          assert.ok(ms < 10_000, `it took ${ms} ms`);
          proxy.set({});
        }
        assert.equal((await read(store, "x.jpg")).compare(bytes), 0);
        await store.close();
        await eventually("its connections are gone", () => proxy.counts().open === 0);
      });

      test(`${name}: leaves the old object and nothing half where the connection of a put ${how}`, async () => {
        await using end = await ends.open();
        const { store, proxy } = end;
        await end.place("x.jpg", Buffer.from("old"));
        for (const key of ["x.jpg", "new.jpg"]) {
          proxy.set({ toServer: weather });
          const body = bodyOf(randomBytes(8_000_000));
          const { problem, ms } = await failing(() => store.put(key, body, { ...image, size: 8_000_000 }));
          told("store-unavailable", { names: ["archive", key] })(problem);
          assert.ok(ms < 10_000, `it took ${ms} ms`);
          assert.ok(body.destroyed);
          proxy.set({});
          assert.deepEqual(await keysOf(store), ["x.jpg"]);
        }
        assert.equal(String(await end.bytesOf("x.jpg")), "old");
        // What a lost connection leaves is of a name that no reader sees, and is swept.
        await eventually("the server has given up what it was sent", async () => {
          await store.sweep?.(-2_000);
          return (await end.lying()).every((one) => one === "x.jpg" || !isTemporary(one));
        });
      });
    }

    test(`${name}: says store-unavailable wherever its connection ends as it begins`, async () => {
      await using end = await ends.open();
      await end.place("x.jpg", Buffer.from("x"));
      const control = "control" in end.proxy ? (end.proxy.control as typeof end.proxy) : end.proxy;
      for (const endAfter of [0, 10, 60, 100]) {
        for (const weather of [{ endAfter }, { resetAfter: endAfter }]) {
          control.set({ toClient: weather });
          await assert.rejects(end.store.head("x.jpg"), told("store-unavailable", { names: ["archive", "x.jpg"] }));
        }
      }
      control.set({});
      assert.equal((await end.store.head("x.jpg"))?.size, 1);
    });

    if (!["sftp", "ftp", "webdav"].includes(name)) return;

    test(`${name}: tells an object of 5 GiB with its size, reads parts beyond 4 GiB, and refuses it by size early`, async () => {
      await using end = await ends.open();
      const { store, proxy, folder } = end;
      const size = 5 * 2 ** 30;
      const path = join(folder!, "film.tif");
      await writeFile(path, "II*\0");
      await truncate(path, size - 4);
      await writeFile(path, "last", { flag: "a" });
      assert.equal((await store.head("film.tif"))?.size, size);
      for await (const listed of store.list("")) assert.equal(listed.size, size);
      const range = { start: size - 8, end: size - 1 };
      assert.equal(String(await read(store, "film.tif", { range })), "\0\0\0\0last");
      const root = await mkdtemp(join(tmpdir(), "veil-large-"));
      const spool = await openSpool(root);
      const before = proxy.counts().bytes;
      const { info, stream } = await store.get("film.tif");
      assert.equal(info.size, size);
      await assert.rejects(spool.receive(stream, { maxBytes: 2_000_000 }), withCode("too-large"));
      assert.deepEqual(await readdir(spool.folder), []);
      await spool.close();
      await rm(root, { recursive: true });
      await store.close();
      assert.ok(proxy.counts().bytes - before < 100_000_000, `${proxy.counts().bytes - before} bytes came`);
    });
  });
}
