import type { Config } from "../config.ts";
import type { DataFolder } from "../data-folder.ts";
import type { Problem } from "../errors.ts";
import { type RunAlone, whileLeased } from "../pipeline/while-leased.ts";

/** What one process alone does of all that share a ledger. */
export interface Alone {
  readonly run: RunAlone;
  /** Whether this process is the one that does it this time: it is asked for again after those hours. */
  once(name: string, hours: number): () => Promise<boolean>;
}

/** Without a shared ledger the data folder's lock says that there is no other process. */
export function createAlone(
  { ledger, jobs }: Pick<Config, "ledger" | "jobs">,
  { leases, replica: holder }: Pick<DataFolder, "leases" | "replica">,
  onProblem: (problem: Problem) => void,
): Alone {
  const isShared = ledger.driver === "postgres";
  return {
    run(name, signal, work, onTurn) {
      if (isShared) {
        const lease = { leases, name, holder, ttlMs: jobs.leaseMs, onProblem, ...(onTurn && { onTurn }) };
        return whileLeased(lease, signal, work);
      }
      onTurn?.(true);
      return work(signal);
    },
    once: (name, hours) => async () =>
      !isShared || (await leases.acquire(name, holder, hours * 3_600_000)) !== undefined,
  };
}
