import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import sharp from "sharp";
import { createKeyFilter } from "../../src/pipeline/key-filter.ts";
import { type RerunOptions, type RerunParts, rerunRoute } from "../../src/pipeline/rerun.ts";
import { streamOf } from "../../src/pipeline/spool.ts";
import { fast, openWorkshop, startWorker, type Workshop } from "./running-worker.ts";

let workshop: Workshop;
before(async () => {
  workshop = await openWorkshop();
});
after(() => workshop[Symbol.asyncDispose]());

type Running = Awaited<ReturnType<typeof startWorker>>;
const solid = { ...fast, style: "solid" as const };

function rerun(parts: Running, change: Partial<RerunParts> = {}, options: Partial<RerunOptions> = {}) {
  const { keyed, photos, detector, route } = parts;
  const room = { wait: async () => {} };
  return rerunRoute(
    { ...keyed, route, input: photos, detector, room, signal: new AbortController().signal, ...change },
    { dryRun: false, ...options },
  );
}

/** Photos that differ, masked. */
async function masked(parts: Running, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const photo = await sharp(workshop.portrait)
      .rotate(0)
      .jpeg({ quality: 60 + index })
      .toBuffer();
    await parts.settled(await parts.take(`${index}.jpg`, photo), "done");
  }
}

const done = async (parts: Running, policy = solid) => {
  const { records } = await parts.ledger.find({ states: ["done"], limit: 99 });
  return records.filter(({ job }) => job.policy.style === policy.style);
};

test("nothing is due while policy, model and veil are the same", async () => {
  await using parts = await startWorker(workshop);
  await masked(parts, 1);
  const none = { due: 0, admitted: 0, gone: 0, changed: 0, reasons: { policy: 0, model: 0, operator: 0, version: 0 } };
  assert.deepEqual(await rerun(parts), none);
});

test("what another policy masked is counted, masked again in the older output's place, and then no more", async () => {
  await using parts = await startWorker(workshop);
  await masked(parts, 5);
  const before = await Promise.all([0, 1, 2, 3, 4].map((name) => parts.bytesOf(parts.masked, `${name}.jpg`)));
  const route = { name: "folder", policy: solid };
  const dry = await rerun(parts, { route }, { dryRun: true });
  assert.deepEqual([dry.due, dry.reasons.policy, dry.reasons.model, dry.admitted], [5, 5, 0, 0]);
  assert.ok(dry.meanMs! > 0);
  assert.equal((await parts.ledger.counts()).done, 5);

  const run = await rerun(parts, { route });
  assert.deepEqual([run.due, run.admitted], [5, 5]);
  const { records } = await parts.ledger.find({ limit: 99 });
  for (const { job, lane } of records.filter(({ job }) => job.revision === 1)) {
    assert.equal(lane, "bulk");
    await parts.settled(job.id, "done");
  }
  const after = await Promise.all([0, 1, 2, 3, 4].map((name) => parts.bytesOf(parts.masked, `${name}.jpg`)));
  for (const [index, bytes] of after.entries()) assert.notDeepEqual(bytes, before[index]);
  assert.equal((await done(parts)).length, 5);
  const again = await rerun(parts, { route });
  assert.deepEqual([again.due, again.admitted], [0, 0]);
});

test("tells a new model and another operator apart, and takes only the keys that are asked for", async () => {
  await using parts = await startWorker(workshop);
  await masked(parts, 2);
  const model = await rerun(parts, { detector: { digest: "new" } }, { dryRun: true });
  assert.deepEqual([model.due, model.reasons.model, model.reasons.policy], [2, 2, 0]);
  const selects = createKeyFilter({ include: ["1.*"], exclude: [] });
  assert.equal((await rerun(parts, { detector: { digest: "new" } }, { dryRun: true, selects })).due, 1);
  // As an earlier veil wrote it, which did not say what masked.
  const older = parts.ledger.find;
  const ledger: Running["ledger"] = {
    ...parts.ledger,
    async find(query) {
      const page = await older(query);
      const aged = page.records.map((record) => ({ ...record, last: { ...record.last, operator: "0.0.1/0" } }));
      return { ...page, records: aged };
    },
  };
  const { reasons } = await rerun(parts, { ledger }, { dryRun: true });
  assert.deepEqual(reasons, { policy: 0, model: 0, operator: 2, version: 2 });
});

test("originals that are gone or have changed are told by number and left alone", async () => {
  await using parts = await startWorker(workshop);
  await masked(parts, 3);
  await parts.photos.remove("0.jpg");
  await parts.photos.put("1.jpg", streamOf(workshop.portrait), { contentType: "image/jpeg" });
  const run = await rerun(parts, { route: { name: "folder", policy: solid } });
  assert.deepEqual([run.due, run.admitted, run.gone, run.changed], [1, 1, 1, 1]);
});

test("a run that was cut off goes on where it stopped, and waits for room before each page", async () => {
  await using parts = await startWorker(workshop);
  await masked(parts, 2);
  const route = { name: "folder", policy: solid };
  const stop = new AbortController();
  const full = { wait: async () => stop.abort() };
  const cut = await rerun(parts, { route, room: full, signal: stop.signal });
  assert.deepEqual([cut.due, cut.admitted], [2, 0]);
  const first = await rerun(parts, { route }, { selects: (key) => key === "0.jpg" });
  const rest = await rerun(parts, { route });
  assert.deepEqual([first.admitted, rest.admitted], [1, 1]);
});
