import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CreateQueueCommand, GetQueueAttributesCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { Producer } from "@platformatic/kafka";
import { startFauxqs } from "fauxqs";
import { Connection } from "rabbitmq-client";
import type { Problem } from "../../src/errors.ts";
import { createAmqpFeed } from "../../src/sources/amqp-feed.ts";
import type { Feed } from "../../src/sources/feed.ts";
import { createKafkaFeed } from "../../src/sources/kafka-feed.ts";
import { createSqsFeed } from "../../src/sources/sqs-feed.ts";
import { eventually } from "../contracts/eventually.ts";
import { startDeafListener } from "../fixtures/deaf-listener.ts";
import { freePort } from "../fixtures/file-server.ts";
import { noKafka, startKafkaServer } from "../fixtures/kafka-server.ts";
import { type RabbitServer, startRabbit, withoutRabbit } from "../fixtures/rabbitmq-server.ts";

/** Runs a feed and notes what it hands over; `refuse` may make a message fail. */
function follow(feed: Feed, refuse: (message: string, times: number) => boolean = () => false) {
  const taken: string[] = [];
  const tries = new Map<string, number>();
  const stop = new AbortController();
  const running = feed.run(async (message) => {
    const times = (tries.get(message) ?? 0) + 1;
    tries.set(message, times);
    if (refuse(message, times)) throw new Error("the ledger is away");
    taken.push(message);
  }, stop.signal);
  return {
    taken,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

const messages = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => JSON.stringify({ number: from + index }));

describe("a feed stops soon", () => {
  const onProblem = () => {};
  for (const [state, isThere] of [
    ["away", false],
    ["silent", true],
  ] as const) {
    test(`while its broker is ${state}`, async () => {
      const held: Socket[] = [];
      const server = createServer((socket) => held.push(socket.on("error", () => {}))).listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      if (!isThere) server.close();
      const amqp = { url: `amqp://127.0.0.1:${port}`, queue: "events", exchange: "store", routingKey: "#", onProblem };
      const kafka = { brokers: [`127.0.0.1:${port}`], topic: "s3-events", group: "veil", onProblem };
      for (const feed of [createAmqpFeed(amqp), createKafkaFeed(kafka)]) {
        const stop = new AbortController();
        const running = feed.run(async () => {}, stop.signal);
        await sleep(500);
        const began = performance.now();
        stop.abort();
        await running;
        assert.ok(performance.now() - began < 8000, `${feed.name} took ${performance.now() - began} ms`);
      }
      for (const socket of held) socket.destroy();
      server.close();
    });
  }
});

describe("a feed says why it can't read", () => {
  test("where nobody listens, and where nobody answers, soon", async () => {
    await using deaf = await startDeafListener();
    const onProblem = () => {};
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" });
    for (const port of [await freePort(), deaf.port]) {
      const queueUrl = `http://127.0.0.1:${port}/1/veil`;
      const feeds = [
        createAmqpFeed({ url: `amqp://127.0.0.1:${port}`, queue: "events", routingKey: "#", onProblem }),
        createKafkaFeed({ brokers: [`127.0.0.1:${port}`], topic: "s3-events", group: "veil", onProblem }),
        createSqsFeed({ queueUrl, region: "us-east-1", endpoint: `http://127.0.0.1:${port}`, onProblem }),
      ];
      for (const feed of feeds) {
        const began = performance.now();
        await assert.rejects(
          feed.check(1000),
          { code: "queue-unavailable", message: /^Events from .+: .+/ },
          feed.name,
        );
        assert.ok(performance.now() - began < 4000, `${feed.name} took ${performance.now() - began} ms`);
      }
    }
  });
});

describe("events out of RabbitMQ", { skip: withoutRabbit() }, () => {
  let server: RabbitServer;
  let connection: Connection;
  before(async () => {
    server = await startRabbit();
    connection = new Connection(server.url);
    connection.on("error", () => {});
  });
  after(async () => {
    await connection?.close();
    await server?.[Symbol.asyncDispose]();
  });

  async function publish(exchange: string, bodies: readonly string[]): Promise<void> {
    const publisher = connection.createPublisher({ confirm: true, maxAttempts: 20 });
    for (const body of bodies) await publisher.send({ exchange, routingKey: "raw.put", durable: true }, body);
    await publisher.close();
  }

  test("come through an exchange that is made, each once, and one that could not be kept comes again", async () => {
    const options = { url: server.url, queue: "events-a", exchange: "store-a", routingKey: "#" };
    const problems: Problem[] = [];
    await using followed = follow(
      createAmqpFeed({ ...options, onProblem: (problem) => problems.push(problem) }),
      (message, times) => message === messages(1, 5)[0] && times === 1,
    );
    await eventually("the queue is bound", async () => {
      const channel = await connection.acquire();
      const found = await channel.queueDeclare({ queue: "events-a", passive: true }).catch(() => undefined);
      await channel.close();
      return found?.consumerCount === 1;
    });
    await publish("store-a", messages(20));
    await eventually("all are here", () => followed.taken.length === 20);
    assert.deepEqual(followed.taken.toSorted(), messages(20).toSorted());
  });

  test("can be read, before the queue is made too, and not with another password", async () => {
    const feed = (url: string, queue: string) =>
      createAmqpFeed({ url, queue, routingKey: "#", onProblem: (problem) => assert.fail(problem) });
    await feed(server.url, "events-not-there").check(5000);
    await connection.queueDeclare({ queue: "events-there", durable: true });
    await feed(server.url, "events-there").check(5000);
    const refused = server.url.replace(/:[^:@/]+@/, ":s3cr3t@");
    await assert.rejects(feed(refused, "events-there").check(5000), (problem: Problem) => {
      assert.match(problem.message, /ACCESS_REFUSED|access/i);
      assert.ok(!JSON.stringify([problem.message, problem.remedy]).includes("s3cr3t"));
      return true;
    });
  });

  test("wait in the queue while nobody reads, and are read on after the broker was killed", async () => {
    const options = { url: server.url, queue: "events-b", exchange: "store-b", routingKey: "raw.*" };
    const problems: Problem[] = [];
    const feed = createAmqpFeed({ ...options, onProblem: (problem) => problems.push(problem) });
    {
      await using followed = follow(feed);
      await eventually("it reads", async () => {
        await publish("store-b", messages(1)).catch(() => {});
        return followed.taken.length > 0;
      });
    }
    await publish("store-b", messages(10, 100));
    await using followed = follow(feed);
    await eventually("those are here", () => messages(10, 100).every((one) => followed.taken.includes(one)));
    await server.kill();
    await eventually("it is told", () => problems.length > 0, 30_000);
    await server.start();
    await eventually(
      "it reads on",
      async () => {
        await publish("store-b", messages(1, 200));
        return followed.taken.includes(messages(1, 200)[0]!);
      },
      60_000,
    );
  });
});

describe("events out of Kafka", { skip: noKafka }, () => {
  test("come from the topic's beginning, and from where another one left off", async () => {
    await using server = await startKafkaServer();
    await server.createTopics(["s3-events"], 1);
    const producer = new Producer({ clientId: "store", bootstrapBrokers: [server.address], autocreateTopics: false });
    const publish = (bodies: readonly string[]) =>
      producer.send({
        messages: bodies.map((value) => ({ topic: "s3-events", value: Buffer.from(value) })) as never,
      });
    const options = { brokers: [server.address], topic: "s3-events", group: "veil-events", sessionTimeoutMs: 6000 };
    const feed = createKafkaFeed({ ...options, onProblem: () => {} });
    await feed.check(5000);
    const elsewhere = createKafkaFeed({ ...options, topic: "nowhere", onProblem: () => {} });
    await assert.rejects(elsewhere.check(5000), { code: "queue-unavailable", message: /topic nowhere/ });
    await publish(messages(30));
    {
      await using followed = follow(feed);
      await eventually("all are here", () => followed.taken.length >= 30, 60_000);
      assert.deepEqual(followed.taken, messages(30));
    }
    await publish(messages(5, 100));
    await using followed = follow(feed);
    await eventually("the rest is here", () => followed.taken.length >= 5, 60_000);
    assert.deepEqual(followed.taken, messages(5, 100));
    await producer.close();
  });
});

describe("events out of SQS", () => {
  test("are deleted once they are kept, and come again where they could not be", async () => {
    const server = await startFauxqs({ port: 0, logger: false });
    const endpoint = `http://127.0.0.1:${server.port}`;
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" });
    const client = new SQSClient({ endpoint, region: "us-east-1" });
    const Attributes = { VisibilityTimeout: "1" };
    const { QueueUrl = "" } = await client.send(new CreateQueueCommand({ QueueName: "veil", Attributes }));
    for (const MessageBody of messages(25)) await client.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    const problems: Problem[] = [];
    const check = (queueUrl: string) =>
      createSqsFeed({ queueUrl, region: "us-east-1", endpoint, onProblem: assert.fail }).check(5000);
    await check(QueueUrl);
    await assert.rejects(check(`${QueueUrl}x`), { code: "queue-unavailable", message: /NonExistent|DoesNotExist/ });
    {
      await using followed = follow(
        createSqsFeed({ queueUrl: QueueUrl, region: "us-east-1", endpoint, onProblem: (one) => problems.push(one) }),
        (message, times) => message === messages(1, 7)[0] && times === 1,
      );
      await eventually("all are here", () => new Set(followed.taken).size === 25, 30_000);
      const AttributeNames = ["ApproximateNumberOfMessages" as const, "ApproximateNumberOfMessagesNotVisible" as const];
      await eventually("nothing is left", async () => {
        const left = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames }));
        return Object.values(left.Attributes ?? {}).every((count) => count === "0");
      });
    }
    assert.deepEqual(
      problems.map(({ code }) => code),
      ["queue-unavailable"],
    );
    client.destroy();
    await server.stop();
  });
});
