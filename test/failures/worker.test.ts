import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import sharp from "sharp";
import type { LedgerEvent } from "../../src/ledger/ledger.ts";
import { until } from "../e2e/program.ts";
import { s3Error } from "../fixtures/canned-answers.ts";
import { openWorkshop, startWorker, type Workshop } from "../pipeline/running-worker.ts";
import { type End, type Ends, kinds } from "./ends.ts";

/** More than is said until a body begins, and less than the picture. */
const cutAfter = 60_000;
const retryDelayMs = 40;
const width = 1200;

let workshop: Workshop;
let photo: Buffer;
before(async () => {
  workshop = await openWorkshop();
  photo = await sharp(new URL("../fixtures/astronaut.png", import.meta.url).pathname)
    .resize(width)
    .jpeg({ quality: 95 })
    .toBuffer();
});
after(async () => {
  await workshop?.[Symbol.asyncDispose]();
});

/** A worker between two stores of that kind, each behind a network of its own, and one photograph that waits. */
async function openJob(ends: Ends, maxRetries = 8) {
  const from = await ends.open();
  const to = await ends.open();
  const options = { input: from.store, output: to.store, maxRetries, retryDelayMs };
  const worker = await startWorker(workshop, options);
  await from.place("a.jpg", photo);
  const { version } = (await from.store.head("a.jpg"))!;
  const failures = async (id: string) => (await worker.ledger.history(id)).filter(({ kind }) => kind === "failed");
  return {
    ...{ from, to, worker, failures },
    admit: () => worker.admit("a.jpg", version),
    failedTimes: (id: string, times: number) =>
      until(`it failed ${times} times`, async () => (await failures(id)).length >= times),
    /** One whole result, and the original as it was. */
    async assertDone(id: string) {
      await worker.settled(id, "done").catch(async (error: Error) => {
        const said = (await worker.ledger.history(id)).map(({ kind, message }) => `${kind} ${message ?? ""}`);
        throw new Error(`${error.message}:\n${said.join("\n")}`);
      });
      assert.deepEqual(await whole(to), ["a.jpg"]);
      const result = await to.bytesOf("a.jpg");
      assert.notEqual(result.compare(photo), 0);
      const { info } = await sharp(result).raw().toBuffer({ resolveWithObject: true });
      assert.equal(info.width, width);
      assert.equal((await from.bytesOf("a.jpg")).compare(photo), 0);
      assertRested(await worker.ledger.history(id));
    },
    async [Symbol.asyncDispose]() {
      await worker[Symbol.asyncDispose]();
      await from[Symbol.asyncDispose]();
      await to[Symbol.asyncDispose]();
    },
  };
}

/** What a reader could take for an object. */
async function whole(end: End): Promise<readonly string[]> {
  return (await end.lying()).filter((name) => !/^unfinished |^\.veil-[0-9a-f-]{36}\.part$|^\.davfs/.test(name));
}

/** Each attempt came later after the last one's failure than the one before. */
function assertRested(history: readonly LedgerEvent[]): void {
  let wait = retryDelayMs;
  history.forEach(({ kind, at }, index) => {
    if (kind !== "failed") return;
    const next = history[index + 1];
    assert.ok(next!.at - at >= wait - 1, `the next attempt came after ${next!.at - at} ms, not ${wait}`);
    wait *= 5;
  });
}

for (const { name, isWeb, skip, start } of kinds) {
  describe(`a job from ${name} to ${name}`, { skip }, () => {
    let ends: Ends;
    before(async () => {
      if (skip === false) ends = await start();
    });
    after(async () => {
      await ends?.[Symbol.asyncDispose]();
    });

    test(`${name}: its original is away: it is tried again after rests, and done when that is back`, async () => {
      await using job = await openJob(ends);
      await job.from.proxy.refuse();
      const id = await job.admit();
      await job.failedTimes(id, 2);
      await job.from.proxy.accept();
      await job.assertDone(id);
      for (const { code, message } of await job.failures(id)) {
        assert.equal(code, "store-unavailable");
        assert.match(message!, /archive/);
      }
    });

    for (const how of ["endAfter", "resetAfter"] as const) {
      const end = how === "endAfter" ? "ends early and cleanly" : "is reset in the middle";
      test(`${name}: its original ${end}: no half is masked, and it is done when all of it comes`, async () => {
        await using job = await openJob(ends);
        job.from.proxy.set({ toClient: { [how]: cutAfter } });
        const id = await job.admit();
        await job.failedTimes(id, 1);
        assert.deepEqual(await job.to.lying(), []);
        job.from.proxy.set({});
        await job.assertDone(id);
        const codes = (await job.failures(id)).map(({ code }) => code);
        assert.ok(
          codes.every((code) => code === "store-unavailable"),
          codes.join(),
        );
      });
    }

    test(`${name}: its result is reset in the middle: nobody sees half of it, and it is done later`, async () => {
      await using job = await openJob(ends);
      job.to.proxy.set({ toServer: { resetAfter: cutAfter } });
      const id = await job.admit();
      await job.failedTimes(id, 1);
      assert.deepEqual(await whole(job.to), []);
      job.to.proxy.set({});
      await job.assertDone(id);
      await job.to.store.sweep?.(-1_000);
      assert.deepEqual(await whole(job.to), await job.to.lying());
    });

    test(`${name}: its output stays away: it ends as a dead letter that says so, and nothing is lost`, async () => {
      await using job = await openJob(ends, 1);
      await job.to.proxy.refuse();
      const id = await job.admit();
      const { last, attempts } = await job.worker.settled(id, "dead");
      assert.equal(attempts, 2);
      assert.equal(last.code, "store-unavailable");
      assert.match(last.message!, /archive/);
      assert.deepEqual(await job.to.lying(), []);
      assert.equal((await job.from.bytesOf("a.jpg")).compare(photo), 0);
      await job.to.proxy.accept();
      await job.worker.settled((await job.worker.redrive(id)).job.id, "done");
      assert.deepEqual(await whole(job.to), ["a.jpg"]);
    });

    if (!isWeb) return;

    test(`${name}: the server is throttling: it rests, and is done without a half or second result`, async () => {
      await using job = await openJob(ends);
      // More often than the client asks again by itself.
      const busy = { status: 503, ...s3Error("SlowDown", "Please reduce your request rate.") };
      job.to.proxy.answer({ to: /^PUT /, times: name === "s3" ? 4 : 2, ...busy });
      const id = await job.admit();
      await job.assertDone(id);
      const failures = await job.failures(id);
      assert.ok(failures.length >= 1);
      assert.match(failures[0]!.message!, /503/);
    });

    test(`${name}: the answer to its put is lost: its own result is recognised, and not refused`, async () => {
      await using job = await openJob(ends);
      job.to.proxy.loseAnswer(name === "webdav" ? /^MOVE / : /^PUT /);
      const id = await job.admit();
      await job.assertDone(id);
    });
  });
}
