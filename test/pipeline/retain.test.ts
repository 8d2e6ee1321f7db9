import assert from "node:assert/strict";
import { test } from "node:test";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { retain } from "../../src/pipeline/retain.ts";
import { streamOf } from "../../src/pipeline/spool.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { createMemoryStore } from "../../src/stores/memory.ts";
import type { Store } from "../../src/stores/store.ts";
import { makeCandidate } from "../contracts/jobs.ts";

const route = "upload";
const { signal } = new AbortController();

test("ends at once where a store is silent", async () => {
  await using sqlite = await openSqlite(":memory:");
  const ledger = await createSqliteLedger({ sqlite, installationKey: "test" });
  const store = createMemoryStore({ name: "results" });
  const silence = Promise.withResolvers<never>();
  const silent: Store = {
    ...store,
    async *list() {
      yield await silence.promise;
    },
  };
  const stop = new AbortController();
  const retaining = retain({ ledger, route, inbox: store, results: silent }, 0, stop.signal);
  stop.abort(new Error("no more"));
  await assert.rejects(retaining, /no more/);
  silence.reject(new Error("closed"));
});

test("removes what is old and finished, and never the original of a job that still waits", async () => {
  await using sqlite = await openSqlite(":memory:");
  const ledger = await createSqliteLedger({ sqlite, installationKey: "test" });
  const [inbox, results] = [createMemoryStore({ name: "inbox" }), createMemoryStore({ name: "results" })];
  const type = { contentType: "image/jpeg" };
  const states = { waiting: [], working: ["started"], dead: ["started", "dead"], held: ["started", "held"] } as const;
  for (const [key, kinds] of Object.entries(states)) {
    await inbox.put(key, streamOf(Buffer.from("original")), type);
    const [admission] = await ledger.admit([makeCandidate({ key, route })]);
    for (const kind of kinds) await ledger.append({ jobId: admission!.record.job.id, kind, at: 1 });
  }
  await inbox.put("orphan", streamOf(Buffer.from("original")), type);
  await results.put("old", streamOf(Buffer.from("masked")), type);
  const left = async () => (await Array.fromAsync(inbox.list(""))).map(({ key }) => key).sort();

  await retain({ ledger, route, inbox, results }, 0, signal);
  assert.deepEqual(await left(), ["dead", "held", "orphan", "waiting", "working"], "nothing is old yet");
  await retain({ ledger, route, inbox, results }, Date.now() + 1000, signal);
  assert.deepEqual(await left(), ["held", "waiting", "working"]);
  assert.deepEqual(await Array.fromAsync(results.list("")), []);
});
