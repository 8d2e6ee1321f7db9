import assert from "node:assert/strict";
import { describe, test } from "node:test";
import sharp from "sharp";
import { defaultPolicy } from "../../src/core/policy.ts";
import { erase } from "../../src/ledger/erase.ts";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { createSqliteSeals } from "../../src/ledger/sqlite-seals.ts";
import { createTombstones } from "../../src/ledger/tombstone.ts";
import { createAdmit, createRerun } from "../../src/pipeline/admit.ts";
import { createRedrive } from "../../src/pipeline/redrive.ts";
import type { Route } from "../../src/pipeline/route.ts";
import { streamOf } from "../../src/pipeline/spool.ts";
import { createMemoryQueue } from "../../src/queues/memory.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { sealerOf } from "../contracts/ledger-seals.ts";
import { openWorkshop, startWorker } from "./running-worker.ts";

const route: Route = {
  ...{ name: "folder", input: "photos", output: "masked", policy: defaultPolicy, lane: "bulk" },
  ...{ watched: true, removeInput: false },
};
const installationKey = "test";
const object = { key: "anna.jpg", version: "1" };

/** One job of the object, which ended so, and whose names were erased then. */
async function openErased(end: "dead" | "superseded") {
  const sqlite = await openSqlite(":memory:");
  const ledger = await createSqliteLedger({ sqlite, installationKey });
  const seals = await createSqliteSeals(sqlite);
  const queue = createMemoryQueue();
  const keyed = { ledger, queue, installationKey, modelDigests: ["digest"], onProblem: assert.ifError };
  const admit = createAdmit(keyed);
  const [admission] = await admit(route, [object]);
  const { id } = admission!.record.job;
  await ledger.append({ jobId: id, kind: end, at: 1 });
  const bury = createTombstones(installationKey);
  await erase({ seals, sealer: sealerOf(seals), scope: { path: object.key }, stamp: {}, bury });
  return {
    ...{ id, ledger, admit, redrive: createRedrive(keyed), rerun: createRerun(keyed) },
    async [Symbol.asyncDispose]() {
      await queue.close();
      await sqlite.close();
    },
  };
}

test("a new version of a photograph whose names were erased takes the place of its old result, and of nothing else's", async () => {
  await using workshop = await openWorkshop();
  await using worker = await startWorker(workshop);
  const { masked, photos, seals, settled, take } = worker;
  const versions = await Promise.all([200, 220, 240].map((size) => sharp(workshop.portrait).resize(size).toBuffer()));
  const forget = (path: string) =>
    erase({ seals, sealer: sealerOf(seals), scope: { path }, stamp: {}, bury: createTombstones("test") });
  await settled(await take("anna.jpg", versions[0]!), "done");
  await forget("anna.jpg");
  const old = await worker.bytesOf(masked, "anna.jpg");
  await settled(await take("anna.jpg", versions[1]!), "done");
  const second = await worker.bytesOf(masked, "anna.jpg");
  assert.notDeepEqual(second, old);

  await forget("anna.jpg");
  await masked.put("anna.jpg", streamOf(Buffer.from("somebody's own")), { contentType: "image/jpeg" });
  const { last } = await settled(await take("anna.jpg", versions[2]!), "dead");
  assert.equal(last.code, "already-exists");
  assert.equal(String(await worker.bytesOf(masked, "anna.jpg")), "somebody's own");
  assert.ok(await photos.head("anna.jpg"));
});

describe("what was erased", () => {
  test("is neither sent back nor done again, and whoever wants it is told why", async () => {
    await using parts = await openErased("dead");
    const refused = { code: "not-ready", message: /The names in job [0-9a-f]{32} were erased/ };
    await assert.rejects(parts.redrive(parts.id), refused);
    const record = (await parts.ledger.get(parts.id))!;
    await assert.rejects(parts.rerun(record, { policy: defaultPolicy, lane: "bulk" }), refused);
    const [admission] = await parts.admit(route, [object]);
    assert.deepEqual([admission?.fresh, admission?.record.job.id], [false, parts.id]);
    assert.equal((await parts.ledger.counts()).admitted, 0);
  });

  test("is admitted under its own name where it was gone and is there again", async () => {
    await using parts = await openErased("superseded");
    const [admission] = await parts.admit(route, [object]);
    const { job } = admission!.record;
    assert.deepEqual([admission?.fresh, job.input.key, job.output.key], [true, "anna.jpg", "anna.jpg"]);
    assert.deepEqual([job.revision, job.generation], [1, 2]);
  });
});
