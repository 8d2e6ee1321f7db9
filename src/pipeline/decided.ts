import type { Job } from "../core/job.ts";
import { type KeptRegions, regionsDigest } from "../core/kept-regions.ts";
import { Problem } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";

type Kept = Pick<Ledger, "find" | "regions">;

/** The regions that a person decided on for this job, or nothing: what the ledger keeps must be what the job stands for. */
export async function decidedFor(
  ledger: Pick<Kept, "regions">,
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

/** How many jobs of one name are looked through. */
const looked = 50;

/**
 * What a person decided on this very file under an earlier job of its name: a face that only a person saw stays masked when
 * the file comes back, whatever the policy is by then. `sha256` (hex) is the file's.
 */
export async function decidedBefore(ledger: Kept, job: Job, sha256: string): Promise<KeptRegions | undefined> {
  if (job.generation === 1) return undefined;
  const { records } = await ledger.find({ route: job.route, key: job.input.key, limit: looked });
  for (const { job: other } of records) {
    if (other.regionsDigest === undefined) continue;
    const kept = await decidedFor(ledger, other);
    if (kept?.of === sha256) return kept;
  }
  return undefined;
}
