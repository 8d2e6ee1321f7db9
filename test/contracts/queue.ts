import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Lane } from "../../src/core/job.ts";
import type { Delivery, Queue } from "../../src/queues/queue.ts";
import { eventually } from "./eventually.ts";
import { makeJob, makeJobs } from "./jobs.ts";

export interface QueueUnderTest extends AsyncDisposable {
  /** Empty at first. */
  readonly queue: Queue;
}

export interface DurableQueueUnderTest extends QueueUnderTest {
  readonly leaseMs: number;
  /** Another client of the same queue, as another process would have; closed with the rest. */
  another(): Promise<Queue>;
  /** A process of its own that takes what the bulk lane gives and holds it: test/contracts/queue-holder.ts. */
  hold(prefetch: number): ChildProcess;
}

/** What a broker can't promise as a table does. A queue that says nothing promises all. */
export interface QueueTraits {
  /** False: what is published twice is lent twice, and each copy settled alone. */
  readonly dedupes?: boolean;
  /** False: a dead process loses its jobs with its connection, and does not keep them until its leases run out. */
  readonly leasesOutlive?: boolean;
  /** Parts of a lane belong to one client each: what that one does not take, the others do not get. */
  readonly partitioned?: boolean;
  /** How long a client may need until it is lent its first job. */
  readonly startMs?: number;
}

/** Takes everything a lane gives, and settles nothing by itself. */
export function collect(queue: Queue, prefetch: number, lane: Lane = "bulk") {
  const stop = new AbortController();
  const deliveries: Delivery[] = [];
  const ended = (async () => {
    for await (const delivery of queue.consume({ lane, prefetch, signal: stop.signal })) deliveries.push(delivery);
  })();
  return {
    deliveries,
    ids: () => deliveries.map(({ job }) => job.id),
    take: (count: number) => eventually(`${count} deliveries`, () => deliveries.length >= count && deliveries),
    async stop() {
      stop.abort();
      await ended;
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await ended;
    },
  };
}

const lost = { name: "Problem", code: "lease-lost" };

/** What every queue promises. */
export function queueContract(name: string, open: () => Promise<QueueUnderTest>, traits: QueueTraits = {}): void {
  const { dedupes = true } = traits;
  describe(`${name} as a queue`, () => {
    test("lends each job as it was published, in order, and forgets it with the ack", async () => {
      await using opened = await open();
      const { queue } = opened;
      const jobs = [...makeJobs(20), makeJob({ key: '照片/a b+%\n".jpg', version: "7-8" })];
      await queue.publish(jobs, "bulk");
      assert.equal(await queue.depth?.("bulk"), 21);
      await using consumer = collect(queue, 100);
      const deliveries = await consumer.take(21);
      assert.deepEqual(
        deliveries.map(({ job }) => job),
        jobs,
      );
      assert.equal(await queue.depth?.("bulk"), 21);
      for (const delivery of deliveries) await delivery.ack();
      assert.equal(await queue.depth?.("bulk"), 0);
      await sleep(50);
      assert.equal(consumer.deliveries.length, 21);
    });

    test("keeps the lanes apart", async () => {
      await using opened = await open();
      const { queue } = opened;
      await queue.publish([makeJob({ key: "person.jpg" })], "interactive");
      await queue.publish([makeJob({ key: "import.jpg" })], "bulk");
      await using interactive = collect(queue, 10, "interactive");
      await using bulk = collect(queue, 10, "bulk");
      assert.equal((await interactive.take(1))[0]?.job.input.key, "person.jpg");
      assert.equal((await bulk.take(1))[0]?.job.input.key, "import.jpg");
      assert.equal(await queue.depth?.("interactive"), 1);
    });

    if (dedupes) {
      test("does not lend a job twice that is published twice, waiting or lent", async () => {
        await using opened = await open();
        const { queue } = opened;
        const job = makeJob();
        await queue.publish([job, job], "bulk");
        await queue.publish([job], "bulk");
        assert.equal(await queue.depth?.("bulk"), 1);
        await using consumer = collect(queue, 10);
        const [delivery] = await consumer.take(1);
        await queue.publish([job], "bulk");
        await sleep(100);
        assert.equal(consumer.deliveries.length, 1);
        await delivery?.ack();
        assert.equal(await queue.depth?.("bulk"), 0);
        await queue.publish([job], "bulk");
        await consumer.take(2);
      });
    } else {
      test("lends each copy of a job that is published twice, and settles it alone", async () => {
        await using opened = await open();
        const { queue } = opened;
        const job = makeJob();
        await queue.publish([job, job], "bulk");
        await using consumer = collect(queue, 10);
        // A log lends the second copy once the first is settled.
        await (await consumer.take(1))[0]!.ack();
        const second = (await consumer.take(2))[1]!;
        assert.deepEqual(second.job, job);
        assert.equal(second.signal.aborted, false);
        await second.retry(0);
        await (await consumer.take(3))[2]?.ack();
        await sleep(100);
        assert.equal(consumer.deliveries.length, 3);
      });
    }

    test("never lends more than the prefetch, and lends the next with every settlement", async () => {
      await using opened = await open();
      const { queue } = opened;
      await queue.publish(makeJobs(10), "bulk");
      await using consumer = collect(queue, 3);
      await consumer.take(3);
      await sleep(100);
      assert.equal(consumer.deliveries.length, 3);
      for (let settled = 0; settled < 10; settled += 1) {
        await consumer.deliveries[settled]?.ack();
        await consumer.take(Math.min(settled + 4, 10));
        await sleep(5);
        assert.ok(consumer.deliveries.length <= settled + 4);
      }
      assert.equal(new Set(consumer.ids()).size, 10);
    });

    test("wakes at once for what the same process publishes", async () => {
      await using opened = await open();
      await using consumer = collect(opened.queue, 10);
      await sleep(30);
      const waits: number[] = [];
      for (const job of makeJobs(5)) {
        const before = performance.now();
        await opened.queue.publish([job], "bulk");
        while (!consumer.ids().includes(job.id)) await sleep(1);
        waits.push(performance.now() - before);
      }
      assert.ok(Math.min(...waits) < 60, `waited ${waits.map(Math.round)} ms`);
    });

    test("lends a retried job again, not before its delay, and growing delays hold", async () => {
      await using opened = await open();
      const { queue } = opened;
      await queue.publish([makeJob()], "bulk");
      await using consumer = collect(queue, 1);
      for (const [index, delayMs] of [40, 160, 640].entries()) {
        const delivery = (await consumer.take(index + 1))[index]!;
        const before = Date.now();
        await delivery.retry(delayMs);
        await consumer.take(index + 2);
        assert.ok(Date.now() - before >= delayMs, `${Date.now() - before} ms of ${delayMs}`);
      }
    });

    test("lends others while one waits for its retry", async () => {
      await using opened = await open();
      const { queue } = opened;
      const [poison, ...others] = makeJobs(5);
      await queue.publish([poison!], "bulk");
      await using consumer = collect(queue, 1);
      await (await consumer.take(1))[0]!.retry(60_000);
      await queue.publish(others, "bulk");
      for (let count = 2; count <= 5; count += 1) await (await consumer.take(count))[count - 1]!.ack();
      assert.deepEqual(
        consumer.ids(),
        [poison, ...others].map((job) => job?.id),
      );
      assert.equal(await queue.depth?.("bulk"), 1);
    });

    test("takes a dead letter out for good", async () => {
      await using opened = await open();
      const { queue } = opened;
      await queue.publish([makeJob()], "bulk");
      await using consumer = collect(queue, 1);
      await (await consumer.take(1))[0]!.deadLetter();
      await sleep(50);
      assert.equal(consumer.deliveries.length, 1);
      assert.equal(await queue.depth?.("bulk"), 0);
    });

    test("ends a loan once: whatever is tried after that changes nothing and says lease-lost", async () => {
      await using opened = await open();
      const { queue } = opened;
      await queue.publish([makeJob()], "bulk");
      await using consumer = collect(queue, 1);
      const first = (await consumer.take(1))[0]!;
      await first.retry(0);
      const second = (await consumer.take(2))[1]!;
      await assert.rejects(first.ack(), lost);
      await assert.rejects(first.deadLetter(), lost);
      await assert.rejects(first.retry(0), lost);
      assert.equal(await queue.depth?.("bulk"), 1);
      assert.equal(second.signal.aborted, false);
      await second.ack();
      await assert.rejects(second.ack(), lost);
    });

    test("stops lending when told to, and lets what is lent be settled after that", async () => {
      await using opened = await open();
      const { queue } = opened;
      await queue.publish(makeJobs(4), "bulk");
      await using consumer = collect(queue, 2);
      const [first, second] = await consumer.take(2);
      await consumer.stop();
      await first?.ack();
      await sleep(50);
      assert.equal(consumer.deliveries.length, 2);
      assert.equal(second?.signal.aborted, false);
      await second?.ack();
      await using rest = collect(queue, 10);
      await rest.take(2);
      assert.ok(!rest.ids().some((id) => consumer.ids().includes(id)));
    });

    test("gives back at once what it took and never handed out", async () => {
      await using opened = await open();
      const { queue } = opened;
      await queue.publish(makeJobs(10), "bulk");
      for await (const delivery of queue.consume({
        lane: "bulk",
        prefetch: 10,
        signal: new AbortController().signal,
      })) {
        await delivery.ack();
        break;
      }
      await using rest = collect(queue, 10);
      await eventually("the other nine are lent", () => rest.deliveries.length === 9, 1000);
    });

    test("lends every job to one of many consumers", async () => {
      await using opened = await open();
      const { queue } = opened;
      await queue.publish(makeJobs(300), "bulk");
      const consumers = Array.from({ length: 5 }, () => collect(queue, 7));
      const settled: string[] = [];
      await eventually("all are lent and settled", async () => {
        for (const { deliveries } of consumers) {
          for (const delivery of deliveries.splice(0)) {
            settled.push(delivery.job.id);
            await delivery.ack();
          }
        }
        return settled.length >= 300;
      });
      for (const consumer of consumers) await consumer.stop();
      assert.equal(settled.length, 300);
      assert.equal(new Set(settled).size, 300);
    });

    test("aborts what is lent when it is closed", async () => {
      const opened = await open();
      await opened.queue.publish([makeJob()], "bulk");
      const consumer = collect(opened.queue, 1);
      const [delivery] = await consumer.take(1);
      await opened[Symbol.asyncDispose]();
      assert.equal(delivery?.signal.aborted, true);
      await assert.rejects(delivery!.ack(), lost);
      await consumer.stop();
    });
  });
}

/** What a queue promises besides when processes come and go. */
export function durableQueueContract(
  name: string,
  open: () => Promise<DurableQueueUnderTest>,
  traits: QueueTraits = {},
): void {
  const { leasesOutlive = true, partitioned = false, startMs = 0 } = traits;
  describe(`${name} as a durable queue`, () => {
    test("lends the jobs of a killed process again once its leases have run out, and not before", async () => {
      await using opened = await open();
      const { queue, leaseMs } = opened;
      const jobs = makeJobs(6);
      await queue.publish(jobs, "bulk");
      const holder = opened.hold(4);
      await once(holder, "message");
      holder.kill("SIGKILL");
      await once(holder, "exit");
      const killed = Date.now();
      await using consumer = collect(queue, 10);
      await consumer.take(3);
      const waitedMs = Date.now() - killed;
      const leastMs = leasesOutlive ? leaseMs / 3 : 0;
      assert.ok(waitedMs >= leastMs && waitedMs < leaseMs + 5000 + startMs, `lent after ${waitedMs} ms`);
      await consumer.take(6);
      assert.deepEqual(consumer.ids().sort(), jobs.map(({ id }) => id).sort());
      for (const delivery of consumer.deliveries) await delivery.ack();
    });

    test("never has two live leases on one job, however long the work takes", async () => {
      await using opened = await open();
      const { queue, leaseMs } = opened;
      const other = await opened.another();
      await queue.publish(makeJobs(8), "bulk");
      await using ours = collect(queue, partitioned ? 10 : 4);
      await using theirs = collect(other, 10);
      await eventually("all are lent", () => ours.deliveries.length + theirs.deliveries.length === 8);
      await sleep(leaseMs * 2.5);
      assert.equal(new Set([...ours.ids(), ...theirs.ids()]).size, 8);
      assert.equal(ours.deliveries.length + theirs.deliveries.length, 8);
      for (const delivery of [...ours.deliveries, ...theirs.deliveries]) {
        assert.equal(delivery.signal.aborted, false);
        await delivery.ack();
      }
    });

    test("tells a process that slept past its lease that it has lost the job, and keeps the job from it", async () => {
      await using opened = await open();
      const { queue, leaseMs } = opened;
      await queue.publish([makeJob()], "bulk");
      const holder = opened.hold(1);
      await once(holder, "message");
      holder.kill("SIGSTOP");
      await using consumer = collect(queue, 1);
      const [delivery] = await consumer.take(1);
      const told = once(holder, "message");
      holder.kill("SIGCONT");
      assert.deepEqual((await told)[0], { aborted: true, ack: "lease-lost" });
      await sleep(leaseMs / 2);
      assert.equal(delivery?.signal.aborted, false);
      await delivery?.ack();
      assert.equal(await queue.depth?.("bulk"), 0);
      holder.kill("SIGKILL");
      await once(holder, "exit");
    });

    test("notices what another process publishes", async () => {
      await using opened = await open();
      const other = await opened.another();
      await using consumer = collect(opened.queue, 1);
      await sleep(50);
      await other.publish([makeJob()], "bulk");
      await eventually("it is lent", () => consumer.deliveries.length === 1, 1500 + startMs);
    });

    test("gives back at once what a process holds when it closes in order", async () => {
      await using opened = await open();
      const other = await opened.another();
      await opened.queue.publish(makeJobs(3), "bulk");
      const consumer = collect(other, 3);
      await consumer.take(3);
      await other.close();
      await consumer.stop();
      await using next = collect(opened.queue, 3);
      await eventually("they are lent", () => next.deliveries.length === 3, opened.leaseMs * 0.7 + startMs);
    });

    test("loses nothing that was published before kill -9 and lends it after the next start", async () => {
      await using opened = await open();
      const { queue } = opened;
      const holder = opened.hold(0);
      const [{ published }] = (await once(holder, "message")) as [{ published: readonly string[] }];
      holder.kill("SIGKILL");
      await once(holder, "exit");
      await using consumer = collect(queue, 100);
      await eventually("all are lent", () => published.every((id) => consumer.ids().includes(id)));
    });
  });
}
