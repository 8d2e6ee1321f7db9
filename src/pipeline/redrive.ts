import { jobId } from "../core/job.ts";
import { Problem } from "../errors.ts";
import type { JobRecord, Ledger } from "../ledger/ledger.ts";
import { type PublishParts, publish } from "./admit.ts";

export interface RedriveParts {
  readonly ledger: Pick<Ledger, "get" | "redrive" | "regions" | "published">;
  readonly queue: PublishParts["queue"];
  readonly installationKey: string;
}

/**
 * Sends a dead letter back as a new revision, which has attempts of its own; what is held too, to be masked with all
 * that its second look found. Problems: not-found, not-ready.
 */
export type Redrive = (id: string, who?: string) => Promise<JobRecord>;

export function createRedrive({ ledger, queue, installationKey }: RedriveParts): Redrive {
  return async (id, who) => {
    const record = await ledger.get(id);
    if (record === undefined) throw new Problem("not-found", `There is no job ${id}`);
    if (record.erased) {
      throw new Problem("not-ready", `The names in job ${id} were erased, so that it can't be sent back`, {
        remedy: "Put the photograph in again, under another name.",
      });
    }
    const { id: _, generation: __, ...rest } = record.job;
    const { policy } = rest;
    // With its own policy it would be held again.
    const decided = record.state === "held" ? { ...policy, verify: "mask" as const } : policy;
    const revised = { ...rest, policy: decided, revision: rest.revision + 1 };
    // The old job's id stands for the models that it was meant for.
    const job = { ...revised, id: jobId(installationKey, revised, [id]) };
    // What a person decided on holds for the next attempts too.
    const regions = rest.regionsDigest === undefined ? undefined : await ledger.regions(id);
    const successor = { job, lane: record.lane, ...(regions && { regions }), who };
    const admitted = await ledger.redrive(id, successor, Date.now());
    if (admitted === undefined) {
      throw new Problem("not-ready", `Expected a job that is dead or held but ${id} is ${record.state}`, {
        remedy: "Only dead letters, and what waits for a review, can be sent back.",
      });
    }
    await publish({ ledger, queue }, [admitted]);
    return admitted;
  };
}
