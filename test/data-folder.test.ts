import assert from "node:assert/strict";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig } from "../src/config.ts";
import { openDataFolder } from "../src/data-folder.ts";
import { placesIn } from "../src/data-places.ts";
import { makeCandidate } from "./contracts/jobs.ts";
import { temporaryFolder } from "./contracts/temporary-folder.ts";
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
