import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Anonymized } from "../../src/core/media.ts";
import { createSerial } from "../../src/core/serial.ts";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { deliver, putMasked } from "../../src/pipeline/deliver.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { createMemoryStore } from "../../src/stores/memory.ts";
import { admitOne } from "../contracts/ledger.ts";
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

test("what an older version's job has just written and not recorded yet is waited for, and then replaced", async () => {
  await using folder = await temporaryFolder();
  const sqlite = await openSqlite(":memory:");
  const ledger = await createSqliteLedger({ sqlite, installationKey: "test" });
  const store = createMemoryStore({ name: "output" });
  const parts = { ledger, puts: createSerial(), bury: () => ({ key: "" }), storeOf: () => store };
  const options = { signal: new AbortController().signal, replace: true };
  // The brand is render's to give: here only how results follow one another is looked at.
  async function resultOf(text: string): Promise<Anonymized> {
    const path = join(folder.path, text);
    await writeFile(path, text);
    const sha256 = createHash("sha256").update(text).digest("hex");
    return { path, size: text.length, sha256, contentType: "image/jpeg" } as unknown as Anonymized;
  }
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
  await sqlite.close();
});
