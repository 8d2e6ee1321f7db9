import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { defaultPolicy } from "../../src/core/policy.ts";
import type { Problem } from "../../src/errors.ts";
import type { Admission } from "../../src/ledger/ledger.ts";
import { createSqliteLedger } from "../../src/ledger/sqlite.ts";
import { createAdmit } from "../../src/pipeline/admit.ts";
import { keepRepublishing, republish } from "../../src/pipeline/republish.ts";
import { longestDelayMs } from "../../src/pipeline/retry.ts";
import type { Route } from "../../src/pipeline/route.ts";
import { createMemoryQueue } from "../../src/queues/memory.ts";
import type { Queue } from "../../src/queues/queue.ts";
import { openSqlite } from "../../src/sqlite.ts";
import { eventually } from "../contracts/eventually.ts";
import { collect } from "../contracts/queue.ts";

const route: Route = {
  name: "folder",
  input: "photos",
  output: "masked",
  policy: defaultPolicy,
  lane: "bulk",
  watched: true,
  removeInput: false,
};

async function openParts() {
  const sqlite = await openSqlite(":memory:");
  const ledger = await createSqliteLedger({ sqlite, installationKey: "test" });
  const queue = createMemoryQueue({ pollMs: 20 });
  const problems: Problem[] = [];
  const fixed = {
    installationKey: "key",
    modelDigests: ["digest"],
    onProblem: (problem: Problem) => problems.push(problem),
  };
  return {
    ledger,
    queue,
    problems,
    admit: createAdmit({ ledger, queue, ...fixed }),
    /** The same, where publishing fails as it does when the process dies between the two steps. */
    cutOff: createAdmit({ ledger, queue: { publish: () => Promise.reject(new Error("cut off")) }, ...fixed }),
    async [Symbol.asyncDispose]() {
      await queue.close();
      await sqlite.close();
    },
  };
}

describe("admit", () => {
  test("makes a job of each object, in the ledger and in its route's lane", async () => {
    await using parts = await openParts();
    const [first, second] = await parts.admit(route, [
      { key: "a/x.jpg", version: "1" },
      { key: "a/y.HEIC", version: "1" },
    ]);
    assert.deepEqual(first?.record.job, {
      id: first?.record.job.id,
      revision: 0,
      generation: 1,
      route: "folder",
      medium: "image",
      input: { store: "photos", key: "a/x.jpg", version: "1" },
      output: { store: "masked", key: "a/x.jpg" },
      policy: defaultPolicy,
    });
    assert.match(first?.record.job.id ?? "", /^[0-9a-f]{32}$/);
    assert.equal(second?.record.job.output.key, "a/y.HEIC.jpg");
    await using consumer = collect(parts.queue, 10);
    const deliveries = await consumer.take(2);
    assert.deepEqual(
      deliveries.map(({ job }) => job),
      [first?.record.job, second?.record.job],
    );
    assert.deepEqual(await parts.admit(route, []), []);
  });

  test("takes a request's own policy, lane and digest", async () => {
    await using parts = await openParts();
    const policy = { ...defaultPolicy, quality: 60 };
    const options = { policy, lane: "interactive", requestDigest: "digest" } as const;
    const [admission] = await parts.admit(route, [{ key: "x.jpg", version: "1" }], options);
    assert.deepEqual(admission?.record.job.policy, policy);
    assert.equal(admission?.record.requestDigest, "digest");
    assert.equal(await parts.queue.depth?.("interactive"), 1);
    assert.equal(await parts.queue.depth?.("bulk"), 0);
  });

  test("gives other installations, other models and other policies other ids", async () => {
    const ids = new Set<string>();
    const variants = [
      ["key", "digest", 90],
      ["other", "digest", 90],
      ["key", "other", 90],
      ["key", "digest", 50],
    ] as const;
    for (const [installationKey, digest, quality] of variants) {
      await using parts = await openParts();
      const admit = createAdmit({ ...parts, installationKey, modelDigests: [digest], onProblem: () => {} });
      const policy = { ...defaultPolicy, quality };
      const [admission] = await admit({ ...route, policy }, [{ key: "x.jpg", version: "1" }]);
      ids.add(admission!.record.job.id);
    }
    assert.equal(ids.size, 4);
  });

  test("does nothing twice for what it is told twice, and nothing again for what is finished", async () => {
    await using parts = await openParts();
    const arrival = { key: "x.jpg", version: "1" };
    const [first] = await parts.admit(route, [arrival, arrival]);
    const [again] = await parts.admit(route, [arrival]);
    assert.equal(first?.fresh, true);
    assert.equal(again?.fresh, false);
    assert.equal(await parts.queue.depth?.("bulk"), 1);
    await using consumer = collect(parts.queue, 10);
    const [delivery] = await consumer.take(1);
    const { id } = first!.record.job;
    for (const kind of ["started", "done"] as const) await parts.ledger.append({ jobId: id, kind, at: 1 });
    await delivery?.ack();
    await parts.admit(route, [arrival]);
    assert.equal(await parts.queue.depth?.("bulk"), 0);
    await parts.admit(route, [{ key: "x.jpg", version: "2" }]);
    assert.equal(await parts.queue.depth?.("bulk"), 1);
  });

  test("records before it publishes: what is cut off between the two is published when it is announced again", async () => {
    await using parts = await openParts();
    const arrival = { key: "x.jpg", version: "1" };
    await assert.rejects(parts.cutOff(route, [arrival]), /cut off/);
    assert.equal((await parts.ledger.counts()).admitted, 1);
    assert.equal(await parts.queue.depth?.("bulk"), 0);
    const [admission] = await parts.admit(route, [arrival]);
    assert.equal(admission?.fresh, false);
    assert.equal(await parts.queue.depth?.("bulk"), 1);
  });

  test("a name that no queue can carry is told, and its neighbours are admitted", async () => {
    await using parts = await openParts();
    const keys = ["a.jpg", "\u0001".repeat(4000), "b.jpg"];
    const admissions = await parts.admit(
      route,
      keys.map((key) => ({ key, version: "1" })),
    );
    assert.deepEqual(
      admissions.map(({ record }) => record.job.input.key),
      ["a.jpg", "b.jpg"],
    );
    assert.equal(await parts.queue.depth?.("bulk"), 2);
    assert.deepEqual(
      parts.problems.map(({ code }) => code),
      ["invalid-request"],
    );
  });

  test("an object that was gone and is there again gets a new revision", async () => {
    await using parts = await openParts();
    const arrival = { key: "x.jpg", version: "1" };
    const [first] = await parts.admit(route, [arrival]);
    await parts.ledger.append({ jobId: first!.record.job.id, kind: "superseded", at: 1 });
    const [again] = await parts.admit(route, [arrival]);
    assert.deepEqual([again?.fresh, again?.record.job.revision, again?.record.job.generation], [true, 1, 2]);
    const [known] = await parts.admit(route, [arrival]);
    assert.deepEqual([known?.fresh, known?.record.job.id], [false, again?.record.job.id]);
  });

  test("publishes nothing that the ledger did not take", async () => {
    await using parts = await openParts();
    const ledger = { admit: () => Promise.reject(new Error("the disk is full")), published: () => assert.fail() };
    const admit = createAdmit({
      ledger,
      queue: parts.queue,
      installationKey: "key",
      modelDigests: [],
      onProblem: () => {},
    });
    await assert.rejects(admit(route, [{ key: "x.jpg", version: "1" }]), /the disk is full/);
    assert.equal(await parts.queue.depth?.("bulk"), 0);
  });
});

describe("republish", () => {
  test("brings back what a lost queue has lost, each in its lane, however much it is", async () => {
    await using parts = await openParts();
    const arrivals = Array.from({ length: 1200 }, (_, index) => ({ key: `${index}.jpg`, version: "1" }));
    await parts.admit(route, arrivals);
    await parts.admit(route, [{ key: "person.jpg", version: "1" }], { lane: "interactive" });
    const [started] = await parts.admit(route, [{ key: "started.jpg", version: "1" }]);
    await parts.ledger.append({ jobId: started!.record.job.id, kind: "started", at: 1 });
    const replacement = createMemoryQueue();
    assert.equal(await republish({ ledger: parts.ledger, queue: replacement }, Date.now() + 1), 1201);
    assert.equal(await replacement.depth?.("bulk"), 1200);
    assert.equal(await replacement.depth?.("interactive"), 1);
    assert.equal(await republish({ ledger: parts.ledger, queue: replacement }, Date.now() + 1), 1201);
    assert.equal(await replacement.depth?.("bulk"), 1200);
    assert.equal(await republish({ ledger: parts.ledger, queue: replacement }, Date.now() - 60_000), 0);
    await replacement.close();
  });

  test("gives a job that failed to a queue that was lost once no retry can be on its way, and once only", async () => {
    await using parts = await openParts();
    const [{ record }] = (await parts.admit(route, [{ key: "x.jpg", version: "1" }])) as [Admission];
    const { id } = record.job;
    const failedAt = Date.now();
    await parts.ledger.append({ jobId: id, kind: "started", at: failedAt });
    await parts.ledger.append({ jobId: id, kind: "failed", at: failedAt });
    const replacement = createMemoryQueue();
    const late = failedAt + longestDelayMs + 1;
    const lost = { ledger: parts.ledger, queue: replacement };
    assert.equal(await republish(lost, late), 0, "nobody said that a queue was lost");
    await parts.ledger.unpublish();
    assert.equal(await republish(lost, late - 1), 0);
    assert.equal(await republish(lost, late), 1);
    assert.equal(await replacement.depth?.("bulk"), 1);
    assert.equal(await republish(lost, late), 0);
    await replacement.close();
  });

  test("is done at the start for all, however young", async () => {
    await using parts = await openParts();
    await assert.rejects(parts.cutOff(route, [{ key: "x.jpg", version: "1" }]));
    const stop = new AbortController();
    const running = keepRepublishing({
      ...parts,
      republishAfterMs: 60_000,
      signal: stop.signal,
      onProblem: assert.fail,
    });
    await eventually("it is published", async () => (await parts.queue.depth?.("bulk")) === 1);
    stop.abort();
    await running;
  });

  test("is done on an interval for what has waited so long, and outlives failures", async () => {
    await using parts = await openParts();
    const stop = new AbortController();
    const problems: Problem[] = [];
    let isBroken = true;
    const queue: Pick<Queue, "publish"> = {
      publish: (jobs, lane) => (isBroken ? Promise.reject(new Error("broken")) : parts.queue.publish(jobs, lane)),
    };
    const { ledger } = parts;
    const onProblem = (problem: Problem) => problems.push(problem);
    const running = keepRepublishing({ ledger, queue, republishAfterMs: 100, signal: stop.signal, onProblem });
    await assert.rejects(parts.cutOff(route, [{ key: "x.jpg", version: "1" }]));
    await eventually("the failure is told", () => problems.length > 0);
    assert.equal(await parts.queue.depth?.("bulk"), 0);
    isBroken = false;
    await eventually("it is published", async () => (await parts.queue.depth?.("bulk")) === 1);
    stop.abort();
    await running;
  });
});
