import assert from "node:assert/strict";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import * as Kafka from "@platformatic/kafka";
import { loadConfig } from "../src/config.ts";
import { openDataFolder } from "../src/data-folder.ts";
import { placesIn } from "../src/data-places.ts";
import { allTopics } from "../src/queues/kafka-topics.ts";
import { eventually } from "./contracts/eventually.ts";
import { makeCandidate, makeJob } from "./contracts/jobs.ts";
import { temporaryFolder } from "./contracts/temporary-folder.ts";
import { noKafka, startKafkaServer } from "./fixtures/kafka-server.ts";
import { startPostgres, withoutPostgres } from "./fixtures/postgres-server.ts";

test("what waits in another queue than the one that was used last is published again, once", async () => {
  await using folder = await temporaryFolder();
  const config = loadConfig({ flags: { dataDir: folder.path }, env: {}, cwd: folder.path });
  const open = () => openDataFolder(config, (problem) => assert.fail(problem), "service");
  const { queueName } = placesIn(folder.path);
  {
    await using data = await open();
    const [admission] = await data.ledger.admit([makeCandidate()]);
    await data.ledger.published([admission!.record.job.id]);
    assert.equal(await readFile(queueName, "utf8"), "sqlite");
  }
  const unstarted = async () => {
    await using data = await open();
    return (await data.ledger.unstarted(Number.MAX_SAFE_INTEGER, 10)).length;
  };
  assert.equal(await unstarted(), 0);
  await writeFile(queueName, '["rabbitmq","veil","elsewhere"]');
  assert.equal(await unstarted(), 1);
});

test("what Kafka has lost is published again, what had failed too", { skip: noKafka }, async () => {
  await using server = await startKafkaServer();
  await server.createTopics(allTopics("veil"), 1);
  await using folder = await temporaryFolder();
  const set = ["queue.driver=kafka", `queue.brokers=${server.address}`];
  const config = loadConfig({ flags: { dataDir: folder.path, set }, env: {}, cwd: folder.path });
  const problems: string[] = [];
  await using data = await openDataFolder(config, ({ code }) => problems.push(code), "service");
  const [waiting, failed] = await data.ledger.admit(["a.jpg", "b.jpg"].map((key) => makeCandidate({ key })));
  const ids = [waiting!.record.job.id, failed!.record.job.id];
  await data.ledger.published(ids);
  for (const kind of ["started", "failed"] as const) await data.ledger.append({ jobId: ids[1]!, kind, at: 1 });

  // As if retention had taken a thousand messages that nobody has read.
  const times = { sessionTimeout: 6000, rebalanceTimeout: 6000, heartbeatInterval: 1000 };
  const client = new Kafka.Consumer({
    ...{ clientId: "test", bootstrapBrokers: [server.address], groupId: "veil.bulk", ...times },
  });
  client.topics.trackAll("veil.bulk");
  await client.joinGroup({});
  await client.commit({ offsets: [{ topic: "veil.bulk", partition: 0, offset: 1000n, leaderEpoch: -1 }] });
  await client.close(true);
  await data.queue.publish([makeJob({ key: "c.jpg" })], "bulk");
  const stop = new AbortController();
  const consuming = (async () => {
    for await (const lent of data.queue.consume({ lane: "bulk", prefetch: 1, signal: stop.signal })) await lent.ack();
  })();
  await eventually("it is told", () => problems.includes("not-found"), 30_000);
  await eventually(
    "what was published waits again",
    async () => (await data.ledger.unstarted(Infinity, 9)).length === 1,
  );
  assert.deepEqual(
    (await data.ledger.unheard(2, 9)).map(({ job }) => job.id),
    [ids[1]],
  );
  stop.abort();
  await consuming;
});

test("the built-in queue over a PostgreSQL ledger is one process's, and what waited in it goes to the next one", {
  skip: withoutPostgres,
}, async () => {
  await using server = await startPostgres();
  await using folder = await temporaryFolder();
  const url = await server.database();
  const open = (name: string, role: "service" | "command") => {
    const set = ["ledger.driver=postgres", `ledger.url=${url}`];
    const config = loadConfig({ flags: { dataDir: join(folder.path, name), set }, env: {}, cwd: folder.path });
    return openDataFolder(config, (problem) => assert.fail(problem), role);
  };
  {
    await using one = await open("one", "service");
    const [admission] = await one.ledger.admit([makeCandidate()]);
    await one.ledger.published([admission!.record.job.id]);
    await mkdir(join(folder.path, "other"), { mode: 0o700 });
    await copyFile(join(folder.path, "one", "installation.key"), join(folder.path, "other", "installation.key"));
    await assert.rejects(open("other", "service"), { code: "invalid-config", remedy: /queue\.driver/ });
    await using command = await open("other", "command");
    assert.equal((await command.ledger.counts()).admitted, 1);
    assert.equal((await one.ledger.unstarted(Number.MAX_SAFE_INTEGER, 10)).length, 0);
  }
  await using other = await open("other", "service");
  assert.equal((await other.ledger.unstarted(Number.MAX_SAFE_INTEGER, 10)).length, 1);
});
