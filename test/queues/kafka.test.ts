import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import * as Kafka from "@platformatic/kafka";
import type { Problem } from "../../src/errors.ts";
import { createKafkaQueue, type KafkaQueueOptions } from "../../src/queues/kafka.ts";
import { allTopics } from "../../src/queues/kafka-topics.ts";
import type { Queue } from "../../src/queues/queue.ts";
import { eventually } from "../contracts/eventually.ts";
import { makeJob, makeJobs } from "../contracts/jobs.ts";
import { collect, type DurableQueueUnderTest, durableQueueContract, queueContract } from "../contracts/queue.ts";
import { startHolder } from "../contracts/queue-holder.ts";
import { noKafka, startKafkaServer } from "../fixtures/kafka-server.ts";

const server = noKafka ? undefined : await startKafkaServer();
after(() => server?.[Symbol.asyncDispose]());

/** The server lets three seconds pass before a group's first member has its partitions. */
const startMs = 3500;
const leaseMs = 4000;

interface Opened extends DurableQueueUnderTest {
  readonly prefix: string;
  readonly problems: readonly Problem[];
}

async function openQueue(
  { partitions = 1, ...options }: { partitions?: number } & Partial<KafkaQueueOptions> = {},
  broker = server,
) {
  const prefix = `t${randomUUID().slice(0, 8)}`;
  const closers: (() => Promise<unknown>)[] = [];
  const problems: Problem[] = [];
  await broker!.createTopics(allTopics(prefix), partitions);

  async function client() {
    const queue = await createKafkaQueue({
      ...{ brokers: [broker!.address], prefix, sessionTimeoutMs: leaseMs, fetchWaitMs: 50 },
      ...options,
      onProblem: (problem) => problems.push(problem),
    });
    closers.push(() => queue.close());
    return queue;
  }

  const opened: Opened = {
    prefix,
    problems,
    leaseMs,
    queue: await client(),
    another: client,
    hold: (prefetch) =>
      startHolder(
        join(import.meta.dirname, "kafka-holder.ts"),
        [broker!.address, prefix, String(leaseMs), String(prefetch)],
        closers,
      ),
    async [Symbol.asyncDispose]() {
      for (const close of closers.splice(0)) await close();
    },
  };
  return opened;
}

const lost = { name: "Problem", code: "lease-lost" };
const unavailable = { name: "Problem", code: "queue-unavailable" };

/** As another program on the same cluster. */
async function withClient<T>(prefix: string, work: (client: Kafka.Consumer, producer: Kafka.Producer) => Promise<T>) {
  const common = { clientId: "test", bootstrapBrokers: [server!.address] };
  const times = { sessionTimeout: leaseMs, rebalanceTimeout: leaseMs, heartbeatInterval: 1000 };
  const client = new Kafka.Consumer({ ...common, ...times, groupId: `${prefix}.bulk` });
  const producer = new Kafka.Producer(common);
  try {
    return await work(client, producer);
  } finally {
    await Promise.all([client.close(true), producer.close()]);
  }
}

const messagesIn = (prefix: string, topic: string) =>
  withClient(prefix, async (client) => (await client.listOffsets({ topics: [topic] })).get(topic)![0]);

test("says within its time that no server is there", async () => {
  const before = Date.now();
  const opening = createKafkaQueue({ brokers: ["127.0.0.1:1"], confirmMs: 1000, onProblem: () => {} });
  await assert.rejects(opening, unavailable);
  assert.ok(Date.now() - before < 3000);
});

// Most of their time these tests wait for the group: they wait together.
describe("kafka", { skip: noKafka, concurrency: 3 }, () => {
  queueContract("kafka", () => openQueue(), { dedupes: false });
  durableQueueContract("kafka", () => openQueue(), { dedupes: false, partitioned: true, startMs });

  describe("the kafka queue", () => {
    test("lends again from the first job that is not settled, and only from there", async () => {
      await using opened = await openQueue();
      const jobs = makeJobs(6);
      await opened.queue.publish(jobs, "bulk");
      const consumer = collect(opened.queue, 10);
      const deliveries = await consumer.take(6);
      for (const settled of [2, 0, 4, 1]) await deliveries[settled]!.ack();
      await opened.queue.close();
      await consumer.stop();
      const next = await opened.another();
      assert.equal(await next.depth?.("bulk"), 3);
      await using rest = collect(next, 10);
      await rest.take(3);
      await sleep(300);
      assert.deepEqual(
        rest.ids(),
        jobs.slice(3).map(({ id }) => id),
      );
    });

    test("takes no more than maxInFlight above what is committed", async () => {
      await using opened = await openQueue({ maxInFlight: 3 });
      await opened.queue.publish(makeJobs(7), "bulk");
      await using consumer = collect(opened.queue, 100);
      const [first, second, third] = await consumer.take(3);
      await second!.ack();
      await third!.ack();
      await sleep(500);
      assert.equal(consumer.deliveries.length, 3);
      await first!.ack();
      await consumer.take(6);
      await sleep(300);
      assert.equal(consumer.deliveries.length, 6);
    });

    test("lends the second copy of a job once the first is settled, never both at once", async () => {
      await using opened = await openQueue();
      const [job, other] = makeJobs(2);
      await opened.queue.publish([job!, job!, other!], "bulk");
      await using consumer = collect(opened.queue, 10);
      const [first] = await consumer.take(2);
      await sleep(300);
      assert.deepEqual(consumer.ids(), [job!.id, other!.id]);
      await first!.ack();
      await consumer.take(3);
      assert.equal(consumer.ids()[2], job!.id);
    });

    test("keeps a retry's time across a restart", async () => {
      await using opened = await openQueue();
      await opened.queue.publish([makeJob()], "bulk");
      const consumer = collect(opened.queue, 1);
      const [delivery] = await consumer.take(1);
      const before = Date.now();
      await delivery!.retry(5500);
      await opened.queue.close();
      await consumer.stop();
      const next = await opened.another();
      assert.equal(await next.depth?.("bulk"), 1);
      await using rest = collect(next, 1);
      await rest.take(1);
      const waitedMs = Date.now() - before;
      assert.ok(waitedMs >= 5500 && waitedMs < 9000, `${waitedMs} ms`);
    });

    test("loses nothing and settles nothing twice while processes come and go", async () => {
      await using opened = await openQueue({ partitions: 4 });
      const other = await opened.another();
      const jobs = makeJobs(120);
      const settled: string[] = [];
      const by = new Map([opened.queue, other].map((queue) => [queue, 0]));
      const stop = new AbortController();

      async function work(queue: Queue) {
        for await (const delivery of queue.consume({ lane: "bulk", prefetch: 4, signal: stop.signal })) {
          void (async () => {
            await sleep(20);
            // What is lost with a rebalance belongs to the other by then.
            const isOurs = await delivery.ack().then(
              () => true,
              (error: Problem) => assert.equal(error.code, "lease-lost"),
            );
            if (!isOurs) return;
            settled.push(delivery.job.id);
            by.set(queue, by.get(queue)! + 1);
          })();
        }
      }

      const ours = work(opened.queue);
      await opened.queue.publish(jobs.slice(0, 40), "bulk");
      await eventually("the first share is settled", () => settled.length >= 40);
      const theirs = work(other);
      let published = 40;
      await eventually(
        "the other has its part",
        async () => {
          if (published < 100) await opened.queue.publish(jobs.slice(published, ++published), "bulk");
          await sleep(100);
          return published === 100 && by.get(other)! > 0;
        },
        30_000,
      );
      await other.close();
      await theirs;
      await opened.queue.publish(jobs.slice(100), "bulk");
      await eventually("all are settled", () => new Set(settled).size === 120, 20_000);
      assert.equal(settled.length, 120);
      stop.abort();
      await ours;
    });

    test("tells what is no job, keeps it for people, and goes on", async () => {
      await using opened = await openQueue();
      const { prefix, queue, problems } = opened;
      await withClient(prefix, async (_, producer) => {
        const value = Buffer.from("not a job");
        const topics = [`${prefix}.bulk`, `${prefix}.bulk.retry.2s`];
        await producer.send({ acks: -1, messages: topics.map((topic) => ({ topic, value })) });
      });
      await queue.publish([makeJob()], "bulk");
      await using consumer = collect(queue, 10);
      const [delivery] = await consumer.take(1);
      await delivery!.deadLetter();
      await eventually("nothing is left", async () => (await queue.depth?.("bulk")) === 0);
      assert.deepEqual(
        problems.map(({ code }) => code),
        ["invalid-request", "invalid-request"],
      );
      assert.ok(!problems.some(({ message }) => message.includes("not a job")));
      assert.equal(await messagesIn(prefix, `${prefix}.dead`), 3n);
      assert.equal(consumer.deliveries.length, 1);
    });

    test("begins again where the log does when it no longer holds what comes next, and says that jobs are lost", async () => {
      let losses = 0;
      await using opened = await openQueue({ onJobsLost: () => void losses++ });
      const topic = `${opened.prefix}.bulk`;
      await withClient(opened.prefix, async (client) => {
        client.topics.trackAll(topic);
        await client.joinGroup({});
        await client.commit({ offsets: [{ topic, partition: 0, offset: 1000n, leaderEpoch: -1 }] });
      });
      await opened.queue.publish(makeJobs(2), "bulk");
      await using consumer = collect(opened.queue, 10);
      for (const delivery of await consumer.take(2)) await delivery.ack();
      assert.deepEqual(
        opened.problems.map(({ code }) => code),
        ["not-found"],
      );
      assert.equal(losses, 1);
    });

    test("goes on after the broker was away, and says what it could not do meanwhile", async () => {
      await using broker = await startKafkaServer();
      await using opened = await openQueue({ confirmMs: 1500 }, broker);
      const { queue, problems } = opened;
      await queue.publish(makeJobs(2), "bulk");
      await using consumer = collect(queue, 2);
      const [first, second] = await consumer.take(2);
      await broker.pause();
      const before = Date.now();
      await assert.rejects(queue.publish([makeJob({ key: "meanwhile.jpg" })], "bulk"), unavailable);
      assert.ok(Date.now() - before < 4000);
      const acknowledging = assert.rejects(first!.ack(), lost);
      await once(second!.signal, "abort");
      await acknowledging;
      assert.equal(first?.signal.aborted, true);
      await assert.rejects(second!.ack(), lost);
      broker.resume();
      await eventually("it publishes again", () =>
        queue.publish([makeJob({ key: "after.jpg" })], "bulk").then(
          () => true,
          () => false,
        ),
      );
      await eventually(
        "all are lent again",
        () => {
          const keys = consumer.deliveries.slice(2).map(({ job }) => job.input.key);
          return ["photo-0.jpg", "photo-1.jpg", "after.jpg"].every((key) => keys.includes(key)) || settleAll();
        },
        30_000,
      );
      assert.ok(problems.some(({ code }) => code === "queue-unavailable"));

      async function settleAll() {
        for (const { signal, ack } of consumer.deliveries.slice(2)) if (!signal.aborted) await ack().catch(() => {});
        return false;
      }
    });

    test("closes within its time when the server is gone", async () => {
      await using broker = await startKafkaServer();
      const opened = await openQueue({ confirmMs: 1500 }, broker);
      await opened.queue.publish([makeJob()], "bulk");
      const consumer = collect(opened.queue, 1);
      await consumer.take(1);
      await broker.kill();
      await assert.rejects(opened.queue.publish([makeJob()], "bulk"), unavailable);
      const before = Date.now();
      await opened[Symbol.asyncDispose]();
      await consumer.stop();
      assert.ok(Date.now() - before < 8000, `${Date.now() - before} ms`);
      await assert.rejects(opened.queue.publish([makeJob()], "bulk"), { name: "Problem", code: "shutting-down" });
    });
  });
});
