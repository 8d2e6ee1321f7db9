import type { Job } from "../core/job.ts";
import { type KeptRegions, regionsDigest } from "../core/kept-regions.ts";
import { Problem } from "../errors.ts";
import type { JobRecord, Ledger } from "../ledger/ledger.ts";

/** The regions that a person decided on for this job, or nothing: what the ledger keeps must be what the job stands for. */
export async function decidedFor(
  ledger: Pick<Ledger, "regions">,
  { id, regionsDigest: wanted }: Job,
): Promise<KeptRegions | undefined> {
  if (wanted === undefined) return undefined;
  const kept = await ledger.regions(id);
  if (kept !== undefined && regionsDigest(kept) === wanted) return kept;
  const what = kept === undefined ? "The ledger has no regions" : "The ledger's regions are not those";
  throw new Problem("ledger-broken", `${what} that job ${id} was approved with`, {
    remedy: "Nothing was masked or written. veil ledger verify says what else is wrong; put the photograph in again.",
  });
}

/** What people have decided before on the very object that a job is for. */
export interface Decisions {
  /** The version was rejected: nothing of it is to be written. */
  readonly rejected: boolean;
  /** With regions, of whatever file of that name, the newest first. */
  readonly approved: readonly Job[];
}

export async function decisionsOn(ledger: Pick<Ledger, "decisions">, job: Job): Promise<Decisions> {
  if (job.generation === 1) return { rejected: false, approved: [] };
  const records = await ledger.decisions(job.route, job.input.key);
  const others = records.filter((record) => record.job.id !== job.id);
  const isSame = (record: JobRecord) => record.state === "rejected" && record.job.input.version === job.input.version;
  return {
    rejected: others.some(isSame),
    approved: others.map((record) => record.job).filter(({ regionsDigest: digest }) => digest !== undefined),
  };
}

/**
 * The regions that a person decided on for this very file, whose SHA-256 (hex) is given: a face that only a person saw
 * stays masked when the file comes back or is masked again, whatever the policy and the detector are by then.
 */
export async function decidedBefore(
  ledger: Pick<Ledger, "regions">,
  { approved }: Decisions,
  sha256: string,
): Promise<KeptRegions | undefined> {
  for (const job of approved) {
    const kept = await ledger.regions(job.id);
    // Of another file they say nothing, whatever has become of them.
    if (kept?.of === sha256) return await decidedFor(ledger, job);
  }
  return undefined;
}
