import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { Connection } from "rabbitmq-client";
import type { Problem } from "../../src/errors.ts";
import { createRabbitQueue, type RabbitQueueOptions } from "../../src/queues/rabbitmq.ts";
import { eventually } from "../contracts/eventually.ts";
import { makeJob, makeJobs } from "../contracts/jobs.ts";
import { collect, type DurableQueueUnderTest, durableQueueContract, queueContract } from "../contracts/queue.ts";
import { startHolder } from "../contracts/queue-holder.ts";
import { startRabbit, withoutRabbit } from "../fixtures/rabbitmq-server.ts";

const skip = withoutRabbit();
const server = skip === false ? await startRabbit() : undefined;
after(() => server?.[Symbol.asyncDispose]());

const leaseMs = 1000;
let opened = 0;

interface RabbitUnderTest extends DurableQueueUnderTest {
  readonly options: RabbitQueueOptions;
  readonly problems: Problem[];
}

/** Queues with names of their own, so that no test sees another's jobs. */
async function openQueue(more: Partial<RabbitQueueOptions> = {}): Promise<RabbitUnderTest> {
  opened += 1;
  const options = {
    ...{ url: server!.url, prefix: `veil${opened}`, heartbeatMs: leaseMs, waitMs: 10_000 },
    ...{ delayStepsMs: [50, 200, 700], ...more },
  };
  const problems: Problem[] = [];
  const closers: (() => Promise<unknown>)[] = [];

  async function client() {
    const queue = await createRabbitQueue({ ...options, onProblem: (problem) => problems.push(problem) });
    closers.push(() => queue.close());
    return queue;
  }

  return {
    options,
    problems,
    leaseMs,
    queue: await client(),
    another: client,
    hold: (prefetch) =>
      startHolder(
        join(import.meta.dirname, "rabbitmq-holder.ts"),
        [JSON.stringify(options), String(prefetch)],
        closers,
      ),
    async [Symbol.asyncDispose]() {
      for (const close of closers.splice(0)) await close();
    },
  };
}

// First, for a broker starts the faster the fewer queues it has.
describe("the rabbitmq queue and a broker that goes away", { skip }, () => {
  /** Settles what the bulk lane gives, by two clients. */
  async function settleAll({ queue, another }: RabbitUnderTest) {
    const settled = new Set<string>();
    const lost = new Set<string>();
    const stop = new AbortController();
    const working = [queue, await another()].map(async (one) => {
      for await (const delivery of one.consume({ lane: "bulk", prefetch: 5, signal: stop.signal })) {
        await sleep(20);
        const { id } = delivery.job;
        await delivery.ack().then(
          () => settled.add(id),
          () => lost.add(id),
        );
      }
    });
    return {
      settled,
      lost,
      async [Symbol.asyncDispose]() {
        stop.abort();
        await Promise.all(working);
      },
    };
  }

  test("loses no job while the broker is stopped and started again under it", async () => {
    await using opened = await openQueue({ waitMs: 60_000 });
    await opened.queue.publish(makeJobs(200), "bulk");
    await using workers = await settleAll(opened);
    await eventually("some are settled", () => workers.settled.size > 30);
    await server?.stop();
    assert.ok(workers.settled.size < 200);
    await server?.start();
    await eventually("all are settled", () => workers.settled.size === 200, 30_000);
    await eventually("nothing is left", async () => (await opened.queue.depth?.("bulk")) === 0);
    assert.ok(workers.lost.size > 0, "no lease was lost: the broker was not away while jobs were in work");
    assert.ok(opened.problems.some(({ code }) => code === "queue-unavailable"));
  });

  test("waits with publishing for a broker that was killed, for a time, and loses nothing that was confirmed", async () => {
    await using opened = await openQueue({ waitMs: 60_000 });
    const hasty = await createRabbitQueue({ ...opened.options, waitMs: 500 });
    await using workers = await settleAll(opened);
    const confirmed: string[] = [];
    const publishing = (async () => {
      for (const job of makeJobs(400)) {
        await opened.queue.publish([job], "bulk");
        confirmed.push(job.id);
      }
    })();
    await eventually("some are confirmed, some settled", () => confirmed.length > 40 && workers.settled.size > 10);
    await server?.kill();
    const before = performance.now();
    await assert.rejects(hasty.publish([makeJob()], "bulk"), { name: "Problem", code: "queue-unavailable" });
    const waitedMs = performance.now() - before;
    assert.ok(waitedMs > 300 && waitedMs < 3000, `waited ${waitedMs} ms`);
    assert.ok(confirmed.length < 400);
    await server?.start();
    await publishing;
    await hasty.close();
    await eventually("all are settled", () => workers.settled.isSupersetOf(new Set(confirmed)), 30_000);
    assert.equal(confirmed.length, 400);
  });
});

if (server) {
  queueContract("rabbitmq", openQueue, { dedupes: false });
  durableQueueContract("rabbitmq", openQueue, { leasesOutlive: false });
} else {
  test("rabbitmq as a queue, and as a durable one", { skip }, () => {});
}

describe("the address of a rabbitmq queue", () => {
  const password = "correct-horse";

  test("is refused if it is none, and its password is told to nobody", async () => {
    for (const url of [
      `http://me:${password}@host`,
      `amqp://me:${password}`,
      `me:${password}`,
      `amqp://%zz:${password}@h`,
    ]) {
      const error = await createRabbitQueue({ url }).catch((refused: unknown) => refused);
      assert.equal((error as Problem).code, "invalid-config", url);
      assert.doesNotMatch(inspect(error, { depth: 9 }), new RegExp(password));
    }
  });

  test("where nobody answers is named, without its password", async () => {
    const problems: Problem[] = [];
    const url = `amqp://me:${password}@127.0.0.1:1`;
    const opening = createRabbitQueue({ url, waitMs: 200, onProblem: (problem) => problems.push(problem) });
    const error = await opening.catch((refused: unknown) => refused);
    assert.equal((error as Problem).code, "queue-unavailable");
    assert.match((error as Problem).message, /127\.0\.0\.1:1\b/);
    assert.doesNotMatch(inspect([error, problems], { depth: 9 }), new RegExp(password));
  });
});

describe("the rabbitmq queue", { skip }, () => {
  test("rejects what a full lane refuses, and publishes again once there is room", async () => {
    await using opened = await openQueue({ maxLength: 5 });
    const { queue } = opened;
    // A quorum queue notices its length a little late.
    const published: string[] = [];
    const filling = (async () => {
      for (const job of makeJobs(200)) {
        await queue.publish([job], "bulk");
        published.push(job.id);
      }
    })();
    await assert.rejects(filling, { name: "Problem", code: "queue-unavailable", message: /refused/ });
    assert.ok(published.length >= 5 && published.length < 50, `${published.length} were taken`);
    await using consumer = collect(queue, 1000);
    for (const delivery of await consumer.take(published.length)) await delivery.ack();
    assert.deepEqual(consumer.ids(), published);
    await eventually("there is room", () =>
      queue.publish([makeJob()], "bulk").then(
        () => true,
        () => false,
      ),
    );
  });

  test("rejects what no queue takes, and declares the queue again", async () => {
    await using opened = await openQueue();
    await using broker = await raw();
    await broker.channel.queueDelete(`${opened.options.prefix}.bulk`);
    const publishing = opened.queue.publish(makeJobs(3), "bulk");
    await assert.rejects(publishing, { name: "Problem", code: "queue-unavailable", message: /no queue/ });
    await opened.queue.publish(makeJobs(3), "bulk");
    await using consumer = collect(opened.queue, 10);
    await consumer.take(3);
  });

  test("keeps the loan of a job whose retry no queue takes, until one does", async () => {
    await using opened = await openQueue();
    await opened.queue.publish([makeJob()], "bulk");
    await using consumer = collect(opened.queue, 10);
    const [delivery] = await consumer.take(1);
    await using broker = await raw();
    await broker.channel.queueDelete(`${opened.options.prefix}.bulk.delay.50`);
    await assert.rejects(delivery!.retry(10), { name: "Problem", code: "queue-unavailable" });
    assert.equal(delivery!.signal.aborted, false);
    await delivery!.retry(10);
    await (await consumer.take(2))[1]!.ack();
    await assert.rejects(delivery!.ack(), { name: "Problem", code: "lease-lost" });
    assert.equal(await opened.queue.depth?.("bulk"), 0);
  });

  test("goes on consuming when its queue was deleted", async () => {
    await using opened = await openQueue();
    await using consumer = collect(opened.queue, 10);
    await opened.queue.publish([makeJob()], "bulk");
    const [delivery] = await consumer.take(1);
    await using broker = await raw();
    await broker.channel.queueDelete(`${opened.options.prefix}.bulk`);
    await eventually("the lease is lost", () => delivery?.signal.aborted);
    await eventually("a job comes through again", async () => {
      await opened.queue.publish([makeJob()], "bulk").catch(() => {});
      return consumer.deliveries.length > 1;
    });
  });

  test("lends no retry before its delay, also beyond the longest delay queue", async () => {
    await using opened = await openQueue({ consumerTimeoutMs: 60_000 });
    const delays = [1, 30, 50, 51, 130, 300, 650, 900, 1600];
    await opened.queue.publish(makeJobs(delays.length), "bulk");
    await using consumer = collect(opened.queue, 100);
    const due = new Map<string, number>();
    for (const [index, delivery] of (await consumer.take(delays.length)).slice().entries()) {
      due.set(delivery.job.id, Date.now() + delays[index]!);
      await delivery.retry(delays[index]!);
    }
    await eventually("none is forgotten", async () => (await opened.queue.depth?.("bulk")) === delays.length);
    for (let seen = delays.length; seen < delays.length * 2; seen += 1) {
      const delivery = (await consumer.take(seen + 1))[seen]!;
      const lateMs = Date.now() - due.get(delivery.job.id)!;
      assert.ok(lateMs >= 0 && lateMs < 2000, `${lateMs} ms late`);
      await delivery.ack();
    }
  });

  test("sets aside what is no job, whole, and tells of it", async () => {
    await using opened = await openQueue();
    await using broker = await raw();
    const { prefix } = opened.options;
    const bodies = [Buffer.from([0xff, 0, 1]), Buffer.from("{"), Buffer.alloc(0), { id: 7 }, [], "text", null];
    for (const body of bodies) await broker.channel.basicPublish({ routingKey: `${prefix}.bulk` }, body);
    await opened.queue.publish([makeJob()], "bulk");
    await using consumer = collect(opened.queue, 2);
    await consumer.take(1);
    await eventually("all are told of", () => opened.problems.length === bodies.length);
    assert.deepEqual([...new Set(opened.problems.map(({ code }) => code))], ["invalid-request"]);
    for (const body of bodies) {
      const kept = await broker.channel.basicGet({ queue: `${prefix}.unreadable`, noAck: true });
      assert.deepEqual(kept?.body, body);
    }
    assert.equal(consumer.deliveries.length, 1);
  });

  test("lends a job that the broker gave up on once more, and then sets it aside", async () => {
    await using opened = await openQueue({ deliveryLimit: 2 });
    await opened.queue.publish([makeJob()], "bulk");
    await using consumer = collect(opened.queue, 1);
    for (let lent = 1; lent <= 6; lent += 1) await (await consumer.take(lent))[lent - 1]!.retry(0);
    await eventually("it is told of twice", () => opened.problems.length === 2);
    assert.deepEqual(
      opened.problems.map(({ code }) => code),
      ["lease-lost", "crashed"],
    );
    await using broker = await raw();
    const kept = await broker.channel.basicGet(`${opened.options.prefix}.unreadable`);
    assert.deepEqual(kept?.body, makeJob());
    assert.equal(consumer.deliveries.length, 6);
  });

  test("loses the lease of a job that takes longer than the broker waits", async () => {
    await using opened = await openQueue();
    await server?.evaluate("application:set_env(rabbit, consumer_timeout, 500).");
    await opened.queue.publish([makeJob()], "bulk");
    const consumer = collect(opened.queue, 1);
    const [delivery] = await consumer.take(1);
    await once(delivery!.signal, "abort");
    await assert.rejects(delivery!.ack(), { name: "Problem", code: "lease-lost" });
    await server?.evaluate("application:set_env(rabbit, consumer_timeout, 1800000).");
    const count = consumer.deliveries.length;
    await eventually("it is lent again", () => consumer.deliveries.length > count || count > 1);
    await consumer.stop();
  });

  test("settles while the broker is short of room and takes nothing new", async () => {
    await using opened = await openQueue({ waitMs: 2000 });
    await opened.queue.publish(makeJobs(2), "bulk");
    await using consumer = collect(opened.queue, 2);
    const [first, second] = (await consumer.take(2)).slice();
    await server?.evaluate("rabbit_alarm:set_alarm({{resource_limit, disk, node()}, []}).");
    // What is published first tells the client; the connection that settles is not told.
    await eventually("publishing is refused", () =>
      opened.queue.publish([makeJob()], "interactive").then(
        () => false,
        ({ code }: Problem) => code === "queue-unavailable",
      ),
    );
    // A retry is a copy, which is not taken either: the loan goes on, and the same copy is waited for again.
    for (let asked = 0; asked < 2; asked += 1)
      await assert.rejects(first!.retry(10), { name: "Problem", code: "queue-unavailable" });
    assert.equal(first!.signal.aborted, false);
    await second!.ack();
    assert.equal(await opened.queue.depth?.("bulk"), 1);
    await server?.evaluate("rabbit_alarm:clear_alarm({resource_limit, disk, node()}).");
    await first!.retry(10);
    const third = (await consumer.take(3))[2]!;
    assert.equal(third.job.id, first!.job.id);
    await third.ack();
    await opened.queue.publish([makeJob()], "bulk");
    const fourth = (await consumer.take(4))[3]!;
    assert.deepEqual(fourth.job, makeJob(), "a retry came twice");
    await fourth.ack();
    assert.equal(await opened.queue.depth?.("bulk"), 0);
  });

  test("needs no more permissions than are documented, and says which are missing", async () => {
    const users = "rabbit_auth_backend_internal";
    await server?.evaluate(`${users}:add_user(<<"veil">>, <<"pass-phrase">>, <<"test">>).`);
    const url = server!.url.replace("guest:guest", "veil:pass-phrase");
    const refused = await openQueue({ url, waitMs: 10_000 }).catch((error: unknown) => error);
    assert.equal((refused as Problem).code, "invalid-config");
    assert.doesNotMatch(inspect(refused, { depth: 9 }), /pass-phrase/);
    const permissions = '<<"^veil">>, <<"^(veil|amq\\\\.default$)">>, <<"^veil">>';
    await server?.evaluate(`${users}:set_permissions(<<"veil">>, <<"/">>, ${permissions}, <<"test">>).`);
    await using opened = await openQueue({ url });
    await opened.queue.publish([makeJob()], "bulk");
    await using consumer = collect(opened.queue, 1);
    await (await consumer.take(1))[0]!.retry(1);
    await (await consumer.take(2))[1]!.ack();
    const wrong = createRabbitQueue({ url: url.replace("pass", "wrong"), waitMs: 30_000 });
    await assert.rejects(wrong, { name: "Problem", code: "invalid-config", message: /refused access/ });
  });

  test("speaks TLS with a server whose certificate comes from its authority, and with no other", async () => {
    const { url, ca } = server!.tls;
    await using opened = await openQueue({ url, ca });
    await opened.queue.publish([makeJob()], "bulk");
    await using consumer = collect(opened.queue, 1);
    await (await consumer.take(1))[0]!.ack();
    const strange = createRabbitQueue({ url, waitMs: 1000 });
    await assert.rejects(strange, { name: "Problem", code: "queue-unavailable", message: /certificate/ });
    const otherName = createRabbitQueue({ url: url.replace("127.0.0.1", "localhost"), ca, waitMs: 1000 });
    await assert.rejects(otherName, { name: "Problem", code: "queue-unavailable", message: /localhost/ });
    await assert.rejects(createRabbitQueue({ url, ca: "no certificate" }), { name: "Problem", code: "invalid-config" });
  });

  test("says what to do where a queue has other arguments", async () => {
    await using opened = await openQueue();
    const other = createRabbitQueue({ ...opened.options, deliveryLimit: 7 });
    await assert.rejects(other, { name: "Problem", code: "invalid-config", message: /x-delivery-limit/ });
  });
});

/** The broker itself, past veil. */
async function raw() {
  const connection = new Connection(server!.url);
  const channel = await connection.acquire();
  return {
    channel,
    async [Symbol.asyncDispose]() {
      await channel.close();
      await connection.close();
    },
  };
}
