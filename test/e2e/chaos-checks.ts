import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { loadConfig } from "../../src/config.ts";
import { openDataFolder } from "../../src/data-folder.ts";
import { veilCommand } from "../fixtures/veil-command.ts";
import { type Album, digestOf, filesIn, settings, type World } from "./chaos-world.ts";

/** What is not as it will be once all is done, as sentences. */
export async function unfinished(world: World, { masked }: Album): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const route of world.routes) {
    for (const [key, photograph] of world.held.get(route)!) {
      const digest = await digestOf(join(world.outputOf(route), key));
      if (digest !== masked[photograph])
        wrong.push(`${route} ${key}: ${digest === "" ? "no output" : "another output"}`);
    }
  }
  for (const route of ["moved", "gone"]) {
    for (const key of await filesIn(world.inputOf(route)))
      if (isOurs(key)) wrong.push(`${route} ${key}: the original is still there`);
  }
  return wrong;
}

const isOurs = (key: string) => !key.includes("broken");

/** That a stopped veil has left every photograph masked once and correctly, and nothing else anywhere. */
export async function assertWhole(world: World, album: Album): Promise<number> {
  assert.deepEqual(await unfinished(world, album), []);
  await assertOutputs(world, album);
  const jobs = await assertLedger(world);
  await assertOriginals(world, album);
  assert.deepEqual(await filesIn(join(world.dataDir, "spool")), [], "the spool is empty");
  assert.deepEqual(await readdir(join(world.dataDir, "inbox")), []);
  const verified = await veilCommand(world.dataDir, "ledger", "verify");
  assert.equal(verified.code, 0, verified.out + verified.err);
  return jobs;
}

/** Each output is what some photograph under that name makes: none is half, foreign, or temporary. */
async function assertOutputs(world: World, { masked }: Album): Promise<void> {
  for (const route of world.routes) {
    for (const key of await filesIn(world.outputOf(route))) {
      const photographs = world.ever.get(`${route} ${key}`);
      assert.ok(photographs !== undefined, `${route}: nobody asked for the output ${key}`);
      const digest = await digestOf(join(world.outputOf(route), key));
      assert.ok(
        [...photographs].some((one) => masked[one] === digest),
        `${route}: the output ${key} is not right`,
      );
    }
    // Hidden and temporary files are files too.
    const inputs = await filesIn(world.inputOf(route));
    assert.deepEqual(
      inputs.filter((key) => /\.veil-|\.part$/.test(key)),
      [],
    );
  }
}

/** Each photograph's newest job is done, nothing is left in work, and what is no photograph has ended by name. */
async function assertLedger(world: World): Promise<number> {
  const flags = { dataDir: world.dataDir, set: settings };
  await using data = await openDataFolder(loadConfig({ flags, env: {}, cwd: world.root }), () => {});
  const { admitted, started, failed, dead, held } = await data.ledger.counts();
  assert.deepEqual({ admitted, started, failed, dead, held }, { admitted: 0, started: 0, failed: 0, dead: 1, held: 0 });
  const broken = await data.ledger.find({ route: "folder", key: "broken.jpg", limit: 9 });
  assert.deepEqual(
    broken.records.map(({ state, last }) => [state, last.code]),
    [["dead", "unreadable"]],
  );
  for (const route of world.routes) {
    for (const key of world.held.get(route)!.keys()) {
      const { records } = await data.ledger.find({ route, key, limit: 100 });
      const [newest] = records.toSorted((a, b) => b.job.generation - a.job.generation);
      assert.equal(newest?.state, "done", `${route} ${key}`);
      assert.ok(
        records.every(({ state }) => state === "done" || state === "superseded"),
        `${route} ${key}: ${records.map(({ state }) => state)}`,
      );
    }
  }
  return Object.values(await data.ledger.counts()).reduce((sum, jobs) => sum + jobs, 0);
}

/** Originals lie in inputs, and in the folder that they are moved to, whole; not a stretch of one lies anywhere else. */
async function assertOriginals(world: World, { originals }: Album): Promise<void> {
  const moved = join(world.root, "originals");
  const keys = await filesIn(moved);
  assert.deepEqual(keys.toSorted(), [...world.held.get("moved")!.keys()].toSorted());
  for (const [key, photograph] of world.held.get("moved")!) {
    assert.ok(originals[photograph]!.equals(await readFile(join(moved, key))), `the moved original ${key}`);
  }
  const stretches = originals.flatMap((bytes) =>
    [0.3, 0.5, 0.7, 0.9].map((share) => bytes.subarray(Math.floor(bytes.length * share)).subarray(0, 40)),
  );
  const search = async (folder: string) => {
    const found: string[] = [];
    for (const name of await filesIn(folder)) {
      const bytes = await readFile(join(folder, name)).catch(() => Buffer.alloc(0));
      if (stretches.some((stretch) => bytes.includes(stretch))) found.push(name);
    }
    return found;
  };
  assert.ok((await search(moved)).length === keys.length, "the search finds what is there");
  const inData = (await search(world.dataDir)).filter((name) => !/^(input_photos|spool)\//.test(name));
  assert.deepEqual(inData, []);
  for (const route of ["moved", "gone"]) assert.deepEqual(await search(world.outputOf(route)), []);
}

/** Every job that the ledger knows, published once more, the newest first: a broker keeps each a second time. */
export async function publishAgain(world: World, queue: readonly string[]): Promise<number> {
  const flags = { dataDir: world.dataDir, set: [...settings, ...queue] };
  await using data = await openDataFolder(loadConfig({ flags, env: {}, cwd: world.root }), () => {});
  const { records } = await data.ledger.find({ limit: 20 });
  await data.queue.publish(
    records.map(({ job }) => job),
    "bulk",
  );
  return records.length;
}
