import { setTimeout as sleep } from "node:timers/promises";
import { startProgram, until } from "../../test/e2e/program.ts";

/** Seconds from the start of `veil serve` over a full input to the last picture that the ledger has as done. */
export async function serveUntilDone(dataDir: string, flags: readonly string[], count: number): Promise<number> {
  // What has lain there for long is taken at the first look.
  await sleep(1000);
  const start = performance.now();
  await using veil = await startProgram({ dataDir, flags: [...flags, "--log-level", "warn"] });
  await until(
    "all are done",
    async () => {
      const answer = await fetch(`${veil.address}/api/v1/jobs?limit=1`);
      const { counts } = (await answer.json()) as { counts: Record<string, number> };
      if ((counts.dead ?? 0) > 0) throw new Error(`${counts.dead} dead letters`);
      return counts.done === count;
    },
    3_600_000,
  );
  const took = (performance.now() - start) / 1000;
  await veil.stop();
  return took;
}
