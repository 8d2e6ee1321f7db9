import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import sharp from "sharp";
import { allOf, regionsDigest } from "../../src/core/kept-regions.ts";
import { Problem } from "../../src/errors.ts";
import { erase } from "../../src/ledger/erase.ts";
import { createTombstones } from "../../src/ledger/tombstone.ts";
import { createAdmit, createRerun } from "../../src/pipeline/admit.ts";
import { noResultCache, type ResultCache } from "../../src/pipeline/result-cache.ts";
import { retain } from "../../src/pipeline/retain.ts";
import { createReview } from "../../src/pipeline/review.ts";
import { createMemoryStore } from "../../src/stores/memory.ts";
import { sealerOf } from "../contracts/ledger-seals.ts";
import { until } from "../e2e/program.ts";
import { doubting, fast, openWorkshop, startWorker, type Workshop } from "./running-worker.ts";

let workshop: Workshop;
before(async () => {
  workshop = await openWorkshop();
});
after(() => workshop[Symbol.asyncDispose]());

const drawn = { kind: "face" as const, box: { x: 5, y: 6, width: 40, height: 41 }, score: 1 };

test("what is held keeps the regions of both looks, and the event their digest and the picture's size", async () => {
  await using parts = await startWorker(workshop, { policy: doubting });
  const id = await parts.take("a.jpg", workshop.portrait);
  const { last } = await parts.settled(id, "held");
  const kept = (await parts.ledger.regions(id))!;
  assert.ok(kept.first.length > 0 && kept.second.length > 0);
  assert.equal(last.regionsDigest, regionsDigest(kept));
  assert.deepEqual(last.picture, { width: 256, height: 256, frames: 1 });
  assert.equal(
    last.message,
    `A second look found ${kept.second.length} more than the ${kept.first.length} of the first`,
  );
  assert.deepEqual(await parts.review.read(id), { record: await parts.ledger.get(id), regions: kept });
});

test("an approved job masks exactly what was decided, takes nothing from the cache and puts nothing in", async () => {
  const asked: string[] = [];
  const results: ResultCache = {
    through(work, render) {
      asked.push(work.sha256);
      return noResultCache.through(work, render);
    },
  };
  await using parts = await startWorker(workshop, { policy: doubting, results });
  const id = await parts.take("a.jpg", workshop.portrait);
  await parts.settled(id, "held");
  assert.equal(asked.length, 1);
  const { job } = await parts.review.approve(id, { regions: [drawn] });
  assert.deepEqual([job.revision, job.generation, job.input], [1, 1, (await parts.ledger.get(id))!.job.input]);
  const { last } = await parts.settled(job.id, "done");
  assert.equal(asked.length, 1, "the cache was not asked");
  assert.equal(last.regions, 1);
  assert.equal(last.detector, undefined, "no detector looked");
  assert.equal(last.regionsDigest, regionsDigest({ first: [drawn], second: [], of: last.input!.sha256 }));
});

test("an approval takes both finds where nothing is given, and needs a word for none", async () => {
  await using parts = await startWorker(workshop, { policy: doubting });
  const [both, none] = [await parts.take("a.jpg", workshop.portrait), await parts.take("b.jpg", workshop.portrait)];
  for (const id of [both, none]) await parts.settled(id, "held");
  const kept = (await parts.ledger.regions(both))!;
  const { job } = await parts.review.approve(both);
  assert.equal((await parts.settled(job.id, "done")).last.regions, allOf(kept).length);
  for (const approval of [{ regions: [] }, { regions: [drawn], noFaces: true }]) {
    await assert.rejects(parts.review.approve(none, approval), { code: "invalid-request" });
  }
  const outside = { ...drawn, box: { ...drawn.box, x: 256 } };
  await assert.rejects(parts.review.approve(none, { regions: [drawn, outside] }), /256x256 pixels but received x 256/);
  const nobody = await parts.review.approve(none, { regions: [], noFaces: true });
  assert.equal((await parts.settled(nobody.job.id, "done")).last.regions, 0);
});

test("regions in the ledger that are not those that were approved, or are gone, end without output", async () => {
  await using parts = await startWorker(workshop, { policy: doubting });
  for (const [key, sql] of [
    ["changed.jpg", `update regions set regions = '{"first":[],"second":[]}' where job_id = $id`],
    ["gone.jpg", "delete from regions where job_id = $id"],
    ["unreadable.jpg", "update regions set regions = '{' where job_id = $id"],
  ] as const) {
    const id = await parts.take(key, workshop.portrait);
    const record = await parts.settled(id, "held");
    // As somebody with the file would: before the queue has the job.
    const { publish } = parts.queue;
    const review = { ...parts.keyed, queue: { ...parts.queue, publish: async () => {} } };
    const { job } = await createReview(review).approve(id, { regions: [drawn] });
    for (const trigger of ["regions_stay_same", "regions_stay"])
      await parts.sqlite.write([{ sql: `drop trigger if exists ${trigger}` }]);
    await parts.sqlite.write([{ sql, params: { id: job.id } }]);
    await publish([job], "bulk");
    const { last } = await parts.settled(job.id, "dead");
    assert.equal(last.code, "ledger-broken");
    assert.equal(await parts.masked.head(record.job.output.key), undefined);
    // Sent back it is no better.
    const again = await parts.redrive(job.id).catch((error: Problem) => error);
    if (again instanceof Problem) assert.equal(again.code, "ledger-broken");
    else assert.equal((await parts.settled(again.job.id, "dead")).last.code, "ledger-broken");
  }
});

test("changed regions of a held job are not taken for what was found", async () => {
  await using parts = await startWorker(workshop, { policy: doubting });
  const id = await parts.take("a.jpg", workshop.portrait);
  await parts.settled(id, "held");
  await parts.sqlite.write([
    { sql: "drop trigger regions_stay_same" },
    { sql: `update regions set regions = '{"first":[],"second":[]}'` },
  ]);
  await assert.rejects(parts.review.approve(id), { code: "ledger-broken" });
  assert.equal((await parts.ledger.get(id))?.state, "held");
});

test("a decision can be read where an earlier veil kept no regions, and what was never held can't", async () => {
  await using parts = await startWorker(workshop, { policy: doubting });
  const id = await parts.take("a.jpg", workshop.portrait);
  await parts.settled(id, "held");
  await parts.sqlite.write([{ sql: "drop trigger regions_stay" }, { sql: "delete from regions" }]);
  await assert.rejects(parts.review.approve(id), { code: "not-ready" });
  const { job } = await parts.review.approve(id, { regions: [drawn] });
  const { record, regions } = await parts.review.read(id);
  assert.deepEqual([record.state, record.last.successor, regions], ["approved", job.id, undefined]);
  await parts.settled(job.id, "done");
  await parts.sqlite.write([{ sql: "delete from regions" }]);
  await assert.rejects(parts.review.read(job.id), { code: "not-ready" });
});

test("what was approved and failed keeps its regions when it is sent back, and under another policy", async () => {
  let failures = 1;
  const memory = createMemoryStore({ name: "masked" });
  const put: typeof memory.put = async (...args) => {
    if (failures-- > 0) throw new Problem("store-full", "no room");
    return memory.put(...args);
  };
  await using parts = await startWorker(workshop, { policy: doubting, output: { ...memory, put }, maxRetries: 0 });
  const id = await parts.take("a.jpg", workshop.portrait);
  await parts.settled(id, "held");
  const approved = await parts.review.approve(id, { regions: [drawn] });
  await parts.settled(approved.job.id, "dead");
  const { job } = await parts.redrive(approved.job.id);
  const done = await parts.settled(job.id, "done");
  assert.equal(done.last.regions, 1);
  const rerun = createRerun({ ...parts.keyed, modelDigests: ["another"], onProblem: assert.ifError });
  const other = await rerun(done, { policy: { ...fast, style: "solid", minScore: 0.8 }, lane: "bulk" });
  // A detector looks again, and what the person drew is masked beside what it finds.
  const { last } = await parts.settled(other.job.id, "done");
  assert.deepEqual([last.regions, last.regionsDigest], [2, done.job.regionsDigest]);
  assert.ok(last.detector);
});

test("two decisions at once are one, and who comes second is told of the job that took its place", async () => {
  await using parts = await startWorker(workshop, { policy: doubting });
  const id = await parts.take("a.jpg", workshop.portrait);
  await parts.settled(id, "held");
  const all = await Promise.allSettled([
    parts.review.approve(id),
    parts.review.approve(id, { regions: [drawn] }),
    parts.review.reject(id, "no"),
  ]);
  assert.equal(all.filter(({ status }) => status === "fulfilled").length, 1);
  for (const one of all) if (one.status === "rejected") assert.equal(one.reason.code, "already-decided");
  const { last, state } = (await parts.ledger.get(id))!;
  if (state === "approved")
    await assert.rejects(parts.review.approve(id), (error: Problem) => error.message.includes(last.successor!));
  await assert.rejects(parts.review.approve("nothing"), { code: "not-found" });
  const done = await parts.take("done.jpg", workshop.portrait);
  await parts.settled(done, "held");
  const { job } = await parts.review.approve(done);
  await parts.settled(job.id, "done");
  await assert.rejects(parts.review.approve(job.id), { code: "not-ready" });
});

test("what is rejected has no output, stays where it is, and a new version of it is a new picture", async () => {
  await using parts = await startWorker(workshop, { policy: doubting });
  const id = await parts.take("a.jpg", workshop.portrait);
  const held = await parts.settled(id, "held");
  const { record } = await parts.review.reject(id, "not to be shown");
  assert.deepEqual([record.state, record.last.message], ["rejected", "not to be shown"]);
  assert.equal((await parts.take("b.jpg", workshop.portrait)) === id, false);
  assert.deepEqual(await parts.ledger.unseen("folder", [{ key: "a.jpg", version: held.job.input.version }]), []);
  assert.deepEqual(await parts.bytesOf(parts.photos, "a.jpg"), workshop.portrait);
  assert.equal(await parts.masked.head("a.jpg"), undefined);
  await assert.rejects(parts.redrive(id), { code: "not-ready" });
  const rerun = createRerun({ ...parts.keyed, modelDigests: [], onProblem: assert.ifError });
  await assert.rejects(rerun(record, { policy: fast, lane: "interactive" }), { code: "already-decided" });
  const grey = await sharp({ create: { width: 64, height: 64, channels: 3, background: "grey" } })
    .jpeg()
    .toBuffer();
  await parts.settled(await parts.take("a.jpg", grey), "done");
  assert.equal((await parts.ledger.get(id))?.state, "rejected");
});

test("an upload's original stays while its approved job waits, however old it is, and goes when that is done", async () => {
  await using parts = await startWorker(workshop, { policy: doubting, route: { removeInput: true, watched: false } });
  const id = await parts.take("a.jpg", workshop.portrait);
  await parts.settled(id, "held");
  const before = (await parts.ledger.get(id))!.job;
  const silent = { ...parts.keyed, queue: { ...parts.queue, publish: async () => {} } };
  const { job } = await createReview(silent).approve(id);
  const sweep = () =>
    retain(
      { ledger: parts.ledger, route: "folder", inbox: parts.photos, results: createMemoryStore({ name: "results" }) },
      Date.now() + 1000,
      new AbortController().signal,
    );
  await sweep();
  // A second copy of the held job, as a broker may bring it.
  await parts.queue.publish([before], "bulk");
  await until("the copy is gone", async () => (await parts.queue.depth!("bulk")) === 0);
  assert.notEqual(await parts.photos.head("a.jpg"), undefined);
  await parts.queue.publish([job], "bulk");
  await parts.settled(job.id, "done");
  await until("the original is gone", async () => (await parts.photos.head("a.jpg")) === undefined);
});

test("an erasure takes the regions of what was decided", async () => {
  await using parts = await startWorker(workshop, { policy: doubting });
  const id = await parts.take("a.jpg", workshop.portrait);
  await parts.settled(id, "held");
  const { job } = await parts.review.approve(id);
  await parts.settled(job.id, "done");
  const [sealer, bury] = [sealerOf(parts.seals), createTombstones("test")];
  await erase({ seals: parts.seals, sealer, scope: { path: "a.jpg" }, bury, stamp: {} });
  for (const one of [id, job.id]) assert.equal(await parts.ledger.regions(one), undefined);
  await assert.rejects(parts.review.read(id), { code: "not-ready" });
});

test("what was decided on one file is not laid over another one under its name, time and size", async () => {
  await using parts = await startWorker(workshop, { policy: doubting });
  const id = await parts.take("a.jpg", workshop.portrait);
  await parts.settled(id, "held");
  const { job } = await parts.review.approve(id, { regions: [drawn] });
  await parts.settled(job.id, "done");
  // The decision as it stands, for a file that came in the place of the one that was looked at.
  const other = await parts.take("b.jpg", await sharp(workshop.portrait).flop().jpeg().toBuffer());
  const { job: next } = await parts.settled(other, "held");
  const kept = (await parts.ledger.regions(job.id))!;
  const { id: _, generation: __, ...rest } = next;
  const forged = { ...rest, revision: 1, regionsDigest: regionsDigest(kept) };
  const successor = { job: { ...forged, id: "forged" }, lane: "bulk" as const, regions: kept };
  const admitted = await parts.ledger.redrive(other, successor, Date.now(), "approved");
  await parts.queue.publish([admitted!.job], "bulk");
  const { last } = await parts.settled("forged", "superseded");
  assert.equal(last.code, "changed-while-reading");
  assert.equal(await parts.masked.head(next.output.key), undefined);
});

test("what a person decided on holds when the same file is taken away and comes back", async () => {
  await using parts = await startWorker(workshop, { policy: doubting });
  const id = await parts.take("a.jpg", workshop.portrait);
  await parts.settled(id, "held");
  const { job } = await parts.review.approve(id, { regions: [drawn] });
  await parts.settled(job.id, "done");
  assert.equal(await parts.ledger.append({ jobId: job.id, kind: "removed", at: Date.now() }), true);
  await parts.masked.remove(job.output.key);
  const admit = createAdmit({ ...parts.keyed, modelDigests: [parts.detector.digest], onProblem: assert.ifError });
  const policy = { ...fast, minScore: 0.8 };
  const [again] = await admit({ ...parts.route, policy }, [{ key: "a.jpg", version: job.input.version }]);
  assert.equal(again?.fresh, true);
  const { last } = await parts.settled(again!.record.job.id, "done");
  assert.deepEqual([last.regions, last.regionsDigest], [2, job.regionsDigest]);
  // Of another file under its name they say nothing.
  const other = await parts.settled(
    await parts.take("a.jpg", await sharp(workshop.portrait).flop().jpeg().toBuffer()),
    "held",
  );
  assert.equal(other.job.regionsDigest, undefined);
});

test("a version that was rejected is written by no later job of its name", async () => {
  await using parts = await startWorker(workshop, { policy: doubting });
  const id = await parts.take("a.jpg", workshop.portrait);
  const held = await parts.settled(id, "held");
  // Somebody asks for it under another policy, before it is decided on.
  const rerun = createRerun({ ...parts.keyed, modelDigests: ["another"], onProblem: assert.ifError });
  const quiet = { ...parts.keyed, queue: { ...parts.queue, publish: async () => {} } };
  const waiting = await createRerun({ ...quiet, modelDigests: ["another"], onProblem: assert.ifError })(held, {
    ...{ policy: fast, lane: "bulk" },
  });
  await parts.review.reject(id);
  await parts.queue.publish([waiting.job], "bulk");
  const { last } = await parts.settled(waiting.job.id, "rejected");
  assert.match(last.message ?? "", /rejected this version/);
  assert.equal(await parts.masked.head(held.job.output.key), undefined);
  assert.ok(await parts.photos.head("a.jpg"));
  await assert.rejects(rerun((await parts.ledger.get(waiting.job.id))!, { policy: fast, lane: "bulk" }), {
    code: "already-decided",
  });
});

test("a rejection that could not take a result back goes on with it when it is said again", async () => {
  let isAway = false;
  const memory = createMemoryStore({ name: "masked" });
  const head: typeof memory.head = async (key) => {
    if (isAway) throw new Problem("store-unavailable", "the share is away");
    return memory.head(key);
  };
  await using parts = await startWorker(workshop, { policy: fast, output: { ...memory, head } });
  const id = await parts.take("a.jpg", workshop.portrait);
  const done = await parts.settled(id, "done");
  const rerun = createRerun({ ...parts.keyed, modelDigests: ["another"], onProblem: assert.ifError });
  const { job } = await rerun(done, { policy: doubting, lane: "bulk" });
  await parts.settled(job.id, "held");
  isAway = true;
  await assert.rejects(parts.review.reject(job.id), {
    code: "store-unavailable",
    message: /is rejected, but masked\/a\.jpg/,
  });
  isAway = false;
  assert.equal((await parts.review.reject(job.id)).takenBack, 1);
  assert.equal(await memory.head(done.job.output.key), undefined);
  await assert.rejects(parts.review.reject(job.id), { code: "already-decided" });
});

test("what is rejected after it was masked before is taken back", async () => {
  await using parts = await startWorker(workshop, { policy: fast });
  const id = await parts.take("a.jpg", workshop.portrait);
  const done = await parts.settled(id, "done");
  const rerun = createRerun({ ...parts.keyed, modelDigests: ["another"], onProblem: assert.ifError });
  const { job } = await rerun(done, { policy: doubting, lane: "bulk" });
  await parts.settled(job.id, "held");
  assert.ok(await parts.masked.head(done.job.output.key), "until then the older result stays");
  await parts.review.reject(job.id, "not to be shown");
  assert.equal(await parts.masked.head(done.job.output.key), undefined);
  assert.equal((await parts.ledger.get(id))?.state, "removed");
  assert.deepEqual(await parts.ledger.unseen("folder", [{ key: "a.jpg", version: job.input.version }]), []);
});
