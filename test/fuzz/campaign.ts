import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Pool } from "../../src/engine/pool.ts";
import { residentBytes } from "../../src/engine/resident.ts";
import { enginesOf } from "../engine/processes.ts";
import { mutant } from "./mutant.ts";
import type { Outcome } from "./report.ts";
import type { Seed } from "./seeds.ts";
import { tryMutant } from "./try-mutant.ts";

export interface CampaignOptions {
  readonly pool: Pool;
  readonly spool: string;
  readonly seeds: readonly Seed[];
  /** The same row gives the same mutants. */
  readonly row: number;
  readonly count: number;
  /** How many are under way at once. */
  readonly width: number;
  /** Told now and then how far it is. */
  readonly told?: (number: number, outcomes: readonly Outcome[], faults: readonly string[]) => void;
}

export interface Campaign {
  /** What should not have happened, with the numbers that make it again. */
  readonly faults: readonly string[];
  readonly outcomes: readonly Outcome[];
  /** What this process and the engine processes held at times, bytes, in the order of time. */
  readonly resident: readonly { readonly service: number; readonly engines: number }[];
}

/** Sends so many mutants through the pool. */
export async function runCampaign(options: CampaignOptions): Promise<Campaign> {
  const { pool, spool, seeds, row, count, width, told } = options;
  const outcomes: Outcome[] = [];
  const faults: string[] = [];
  const resident: { service: number; engines: number }[] = [];
  const every = Math.max(1, Math.floor(count / 60));
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const number = next++;
      const made = mutant(seeds, row, number);
      const about = `row ${row} number ${number} (${made.of.name})`;
      try {
        outcomes.push(await tryMutant(pool, spool, made, about));
      } catch (error) {
        faults.push(`${about}: ${error instanceof Error ? error.message : error}`);
      } finally {
        await rm(join(spool, `${about}.mutant`), { force: true });
      }
      if (number % every !== 0) continue;
      resident.push(measured());
      told?.(number, outcomes, faults);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return { faults, outcomes, resident };
}

function measured() {
  const engines = enginesOf(process.pid).reduce((sum, pid) => sum + residentBytes(pid), 0);
  return { service: process.memoryUsage.rss(), engines };
}

/** That the last third held hardly more than the first did. */
export function assertFlat(values: readonly number[], what: string): void {
  const third = Math.floor(values.length / 3);
  const median = (list: readonly number[]) => list.toSorted((a, b) => a - b)[list.length >> 1] ?? 0;
  const [early, late] = [median(values.slice(0, third)), median(values.slice(-third))].map((bytes) => bytes / 2 ** 20);
  assert.ok(late! < early! * 1.25 + 60, `${what} held ${early!.toFixed(0)} MiB, then ${late!.toFixed(0)} MiB`);
}
