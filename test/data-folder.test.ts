import assert from "node:assert/strict";
import { chmod, copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import * as Kafka from "@platformatic/kafka";
import { loadConfig } from "../src/config.ts";
import { openDataFolder } from "../src/data-folder.ts";
import { placesIn } from "../src/data-places.ts";
import type { Problem } from "../src/errors.ts";
import { allTopics } from "../src/queues/kafka-topics.ts";
import { asideOf, deadAfterMs } from "../src/stores/aside.ts";
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

for (const originals of ["keep", "move", "delete"] as const) {
  test(`originals: ${originals}: what a removal that died has left in the input is ${originals === "keep" ? "told" : "put back"}`, async ({
    mock,
  }) => {
    await using folder = await temporaryFolder();
    const at = (name: string) => join(folder.path, name);
    for (const name of ["in", "out", "moved"]) await mkdir(at(name));
    const left = asideOf("a.jpg", "1");
    await writeFile(at(`in/${left}`), "a");
    const config = loadConfig({ flags: { dataDir: at("data") }, env: {}, cwd: folder.path });
    await using data = await openDataFolder(config, (problem) => assert.fail(problem));
    const problems: string[] = [];
    const places = { from: at("in"), to: at("out"), movedTo: at("moved"), originals };
    const onProblem = ({ code }: Problem, part: string) => problems.push(`${part} ${code}`);
    const { input } = data.openRoute("folder", places, {}, { onProblem });
    const look = () => Array.fromAsync(input.list(""), ({ key }) => key);
    assert.deepEqual(await look(), []);
    const now = performance.now.bind(performance);
    mock.method(performance, "now", () => now() + deadAfterMs);
    assert.deepEqual(await look(), []);
    const isTold = originals === "keep";
    assert.deepEqual(await look(), isTold ? [] : ["a.jpg"]);
    assert.deepEqual(await readdir(at("in")), [isTold ? left : "a.jpg"]);
    assert.deepEqual([...new Set(problems)], [isTold ? "input invalid-request" : "input not-found"]);
  });
}

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

const withServer = { skip: withoutPostgres };

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

test("a process that serves says once that its ledger's connection is not encrypted", withServer, async () => {
  await using server = await startPostgres();
  await using folder = await temporaryFolder();
  // Another name for this machine, which does not tell so.
  const url = (await server.database()).replace("127.0.0.1", "0.0.0.0");
  const told = async (url: string, role: "service" | "command") => {
    const set = ["ledger.driver=postgres", `ledger.url=${url}`];
    const config = loadConfig({ flags: { dataDir: join(folder.path, "data"), set }, env: {}, cwd: folder.path });
    const problems: string[] = [];
    await using _ = await openDataFolder(config, ({ message }) => problems.push(message), role);
    return problems;
  };
  const [problem, ...more] = await told(url, "service");
  assert.match(problem ?? "", /0\.0\.0\.0 is not encrypted: set sslmode/);
  assert.deepEqual(more, []);
  assert.deepEqual(await told(url, "command"), []);
  assert.deepEqual(await told(`${url}?sslmode=disable`, "service"), []);
});

describe("jobs.folder", () => {
  async function openFolders() {
    const folder = await temporaryFolder();
    const jobs = join(folder.path, "jobs");
    await mkdir(jobs);
    return {
      jobs,
      async open(name: string, key?: string) {
        const dataDir = join(folder.path, name);
        const config = loadConfig({ flags: { dataDir, set: [`jobs.folder=${jobs}`] }, env: {}, cwd: folder.path });
        if (key !== undefined) {
          await mkdir(dataDir, { recursive: true, mode: 0o700 });
          await writeFile(placesIn(dataDir).key, key, { mode: 0o600 });
        }
        const data = await openDataFolder(config, (problem) => assert.fail(problem), "service");
        await data.close();
      },
      [Symbol.asyncDispose]: folder[Symbol.asyncDispose],
    };
  }
  const [key, otherKey] = ["a".repeat(64), "b".repeat(64)];
  const refused = { code: "invalid-config" };

  test("is taken when it is new, by all of an installation and by no other one, whose files would be removed", async () => {
    await using folders = await openFolders();
    const { jobs, open } = folders;
    await Promise.all(["one", "two", "three"].map((name) => open(name, key)));
    await writeFile(join(jobs, "inbox", "photo.jpg"), "x");
    await open("one");
    await assert.rejects(open("stranger", otherKey), { ...refused, message: /another installation/ });
    for (const name of await readdir(jobs)) assert.ok(!name.includes(key), name);
    assert.ok(!(await readFile(join(jobs, "veil-jobs.mark"), "utf8")).includes(key));
  });

  test("is refused where somebody's files lie in what would be veil's, which stay", async () => {
    await using folders = await openFolders();
    const { jobs, open } = folders;
    for (const name of ["inbox", "results"]) {
      await mkdir(join(jobs, name), { mode: 0o700, recursive: true });
      await open(`empty ${name}`, key);
      await rm(join(jobs, "veil-jobs.mark"));
      await writeFile(join(jobs, name, "mine.jpg"), "x");
      await assert.rejects(open(`full ${name}`, key), {
        ...refused,
        message: new RegExp(`is not veil's.*${name}/mine`),
      });
      assert.deepEqual(await readdir(jobs).then((names) => names.filter((one) => one.includes("mark"))), []);
      await rm(join(jobs, name, "mine.jpg"));
    }
  });

  test("is refused where others may look into it", async () => {
    await using folders = await openFolders();
    const { jobs, open } = folders;
    await open("one", key);
    assert.equal((await stat(join(jobs, "inbox"))).mode & 0o777, 0o700);
    for (const name of ["inbox", "results"]) {
      await chmod(join(jobs, name), 0o750);
      await assert.rejects(open("one"), { ...refused, remedy: /^chmod 700 .*(inbox|results);/ });
      await chmod(join(jobs, name), 0o700);
    }
    await open("one");
  });
});
