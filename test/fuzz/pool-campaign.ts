import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import type { TestContext } from "node:test";
import { createPool } from "../../src/engine/pool.ts";
import { temporaryFolder } from "../contracts/temporary-folder.ts";
import { bundled } from "../engine/detectors.ts";
import { childrenOf } from "../engine/processes.ts";
import { processesWith } from "../engine/sandboxed.ts";
import { assertFlat, type CampaignOptions, runCampaign } from "./campaign.ts";
import { decodedShare, tableOf } from "./report.ts";
import { makeSeeds } from "./seeds.ts";

/** Share of all mutants that must come to the pixel decoder, or they show nothing. */
const leastDecoded = 0.3;

/** Mutants through a pool of this process's own: no fault, no process and no file may be left, and memory must not grow. */
export async function fuzzPool(
  t: TestContext,
  { row, count, told }: Pick<CampaignOptions, "row" | "count" | "told">,
): Promise<void> {
  await using spool = await temporaryFolder();
  const seeds = await makeSeeds();
  const width = Math.min(4, availableParallelism());
  const limits = { maxBytes: 2 ** 24, maxPixels: 4e6, maxFrames: 50 };
  const pool = createPool({
    ...{ processes: width, deadlineMs: 60_000, memoryMb: 600, spool: spool.path, limits, detector: bundled },
  });
  await using _ = { [Symbol.asyncDispose]: () => pool.close() };
  t.diagnostic(`row ${row}; isolation ${(await pool.confinement()).kind}`);
  const before = childrenOf(process.pid).length;
  const { faults, outcomes, resident } = await runCampaign({
    pool,
    spool: spool.path,
    seeds,
    row,
    count,
    width,
    ...(told && { told }),
  });
  const { replaced } = pool.stats();
  await pool.close();
  for (const line of tableOf(outcomes).split("\n")) t.diagnostic(line);
  const share = decodedShare(outcomes);
  t.diagnostic(`${(100 * share).toFixed(0)} % came to the pixel decoder; ${replaced} engine processes were replaced`);
  for (const what of ["service", "engines"] as const) {
    const held = resident.map((at) => Math.round(at[what] / 2 ** 20));
    t.diagnostic(`${what}: ${held.filter((_, index) => index % 10 === 0).join(", ")} MiB`);
  }
  assert.deepEqual(faults.slice(0, 20), []);
  assert.equal(outcomes.length, count);
  assert.ok(share >= leastDecoded, `${share} came to the pixel decoder`);
  assert.deepEqual(await readdir(spool.path), []);
  assert.ok(childrenOf(process.pid).length <= before, "a process was left");
  assert.deepEqual(processesWith(spool.path), []);
  for (const what of ["service", "engines"] as const)
    assertFlat(
      resident.map((at) => at[what]),
      what,
    );
}
