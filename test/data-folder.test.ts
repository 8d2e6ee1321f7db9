import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { loadConfig } from "../src/config.ts";
import { openDataFolder } from "../src/data-folder.ts";
import { placesIn } from "../src/data-places.ts";
import { makeCandidate } from "./contracts/jobs.ts";
import { temporaryFolder } from "./contracts/temporary-folder.ts";

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
