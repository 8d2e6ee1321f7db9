import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Anonymized } from "../../src/core/media.ts";
import { createSerial } from "../../src/core/serial.ts";
import { Problem } from "../../src/errors.ts";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { deliver, putMasked } from "../../src/pipeline/deliver.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { createMemoryStore } from "../../src/stores/memory.ts";
import { admitOne } from "../contracts/ledger.ts";
import { read } from "../contracts/store.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";

test("handing over anything but what render made does not compile", () => {
  const store = createMemoryStore({ name: "output" });
  const original = {
    path: "/photo.jpg",
    contentType: "image/jpeg",
    extension: "jpg",
    size: 1,
    sha256: "",
    width: 1,
    height: 1,
  };
  // @ts-expect-error The brand is missing: this line must never type-check.
  const forged = () => putMasked(store, "photo.jpg", original);
  assert.equal(typeof forged, "function");
});

/** A ledger and a store, and results that stand for rendered ones. */
async function openDeliveries() {
  const folder = await temporaryFolder();
  const sqlite = await openSqlite(":memory:");
  const ledger = await createSqliteLedger({ sqlite, installationKey: "test" });
  const store = createMemoryStore({ name: "output" });
  return {
    ...{ ledger, store },
    parts: { ledger, puts: createSerial(), bury: () => ({ key: "" }), storeOf: () => store },
    options: { signal: new AbortController().signal, replace: true },
    // The brand is render's to give: here only how results follow one another is looked at.
    async resultOf(text: string): Promise<Anonymized> {
      const path = join(folder.path, text);
      await writeFile(path, text);
      const sha256 = createHash("sha256").update(text).digest("hex");
      return { path, size: text.length, sha256, contentType: "image/jpeg" } as unknown as Anonymized;
    },
    async text(key: string): Promise<string> {
      return String(await read(store, key));
    },
    async [Symbol.asyncDispose]() {
      await sqlite.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

test("what an older version's job has just written and not recorded yet is waited for, and then replaced", async () => {
  await using bench = await openDeliveries();
  const { ledger, store, parts, options, resultOf } = bench;
  const { job: older } = await admitOne(ledger, { key: "a.jpg", version: "1" });
  await ledger.append({ jobId: older.id, kind: "started", at: 1 });
  const result = await resultOf("older");
  const written = await deliver(parts, older, result, options);
  assert.ok(written !== "superseded");
  const { job: newer } = await admitOne(ledger, { key: "a.jpg", version: "2" });
  await ledger.append({ jobId: newer.id, kind: "started", at: 2 });
  await assert.rejects(deliver(parts, newer, await resultOf("newer"), options), { code: "store-unavailable" });
  const output = { version: written.version, size: 5, sha256: result.sha256, contentType: "image/jpeg" };
  await ledger.append({ jobId: older.id, kind: "done", at: 3, output });
  assert.notEqual(await deliver(parts, newer, await resultOf("newest"), options), "superseded");
  assert.equal((await store.head("a.jpg"))?.size, 6);
});

test("a put that was overtaken while its bytes were written leaves the newer version's result", async () => {
  await using bench = await openDeliveries();
  const { ledger, store, parts, options, resultOf } = bench;
  const { job: older } = await admitOne(ledger, { key: "a.jpg", version: "1" });
  await ledger.append({ jobId: older.id, kind: "started", at: 1 });
  // A lock that was lost lets both in at once: each has a lock of its own here.
  const overtaking = async () => {
    const { job } = await admitOne(ledger, { key: "a.jpg", version: "2" });
    await ledger.append({ jobId: job.id, kind: "started", at: 2 });
    const written = await deliver({ ...parts, puts: createSerial() }, job, await resultOf("newer"), options);
    assert.notEqual(written, "superseded");
  };
  const slow = {
    ...store,
    async put(...[key, body, conditions]: Parameters<typeof store.put>) {
      const asked = conditions.beforeVisible;
      const beforeVisible = async () => {
        await overtaking();
        await asked?.();
      };
      return store.put(key, body, { ...conditions, beforeVisible });
    },
  };
  const result = await deliver({ ...parts, storeOf: () => slow }, older, await resultOf("older"), options);
  assert.equal(result, "superseded");
  assert.equal(await bench.text("a.jpg"), "newer");
});

test("a store that refuses a put itself tells the same", async () => {
  await using bench = await openDeliveries();
  const { ledger, store, parts, options, resultOf } = bench;
  const { job: older } = await admitOne(ledger, { key: "a.jpg", version: "1" });
  await ledger.append({ jobId: older.id, kind: "started", at: 1 });
  const conditional = {
    ...store,
    async put(...[key, body, { beforeVisible: _, ...conditions }]: Parameters<typeof store.put>) {
      const { job } = await admitOne(ledger, { key: "a.jpg", version: "2" });
      await ledger.append({ jobId: job.id, kind: "started", at: 2 });
      await deliver({ ...parts, puts: createSerial() }, job, await resultOf("newer"), options);
      return store.put(key, body, conditions);
    },
  };
  const result = await deliver({ ...parts, storeOf: () => conditional }, older, await resultOf("older"), options);
  assert.equal(result, "superseded");
  assert.equal(await bench.text("a.jpg"), "newer");
});

test("what an attempt has left that died before it was recorded, and was overtaken then, is replaced", async () => {
  await using bench = await openDeliveries();
  const { ledger, parts, options, resultOf } = bench;
  const { job: older } = await admitOne(ledger, { key: "a.jpg", version: "1" });
  await ledger.append({ jobId: older.id, kind: "started", at: 1 });
  const marked = (id: string) => ({ ...options, metadata: { "veil-job": id } });
  await deliver(parts, older, await resultOf("older"), marked(older.id));
  // The process dies here; when the job comes again, the original is another one.
  const { job: newer } = await admitOne(ledger, { key: "a.jpg", version: "2" });
  await ledger.append({ jobId: older.id, kind: "superseded", at: 2 });
  await ledger.append({ jobId: newer.id, kind: "started", at: 3 });
  await deliver(parts, newer, await resultOf("newer"), marked(newer.id));
  assert.equal(await bench.text("a.jpg"), "newer");
});

test("what is gone or has changed at the output is tried again, and never taken for a change of the original", async () => {
  await using bench = await openDeliveries();
  const { ledger, store, parts, options, resultOf } = bench;
  const { job } = await admitOne(ledger, { key: "a.jpg", version: "1" });
  await ledger.append({ jobId: job.id, kind: "started", at: 1 });
  for (const code of ["not-found", "changed-while-reading"] as const) {
    const put = () => Promise.reject(new Problem(code, "a.jpg was lost on its way"));
    const failing = { ...parts, storeOf: () => ({ ...store, put }) };
    const delivering = deliver(failing, job, await resultOf(code), options);
    await assert.rejects(delivering, { code: "store-unavailable", message: "a.jpg was lost on its way" });
  }
});
