import { jobId } from "../core/job.ts";
import { Problem } from "../errors.ts";
import type { JobRecord, Ledger } from "../ledger/ledger.ts";
import type { Queue } from "../queues/queue.ts";
import { publish } from "./admit.ts";

export interface RedriveParts {
  readonly ledger: Pick<Ledger, "get" | "redrive">;
  readonly queue: Pick<Queue, "publish">;
  readonly installationKey: string;
}

/** Sends a dead letter back as a new revision, which has attempts of its own. Problems: not-found, not-ready. */
export type Redrive = (id: string) => Promise<JobRecord>;

export function createRedrive({ ledger, queue, installationKey }: RedriveParts): Redrive {
  return async (id) => {
    const record = await ledger.get(id);
    if (record === undefined) throw new Problem("not-found", `There is no job ${id}`);
    const { id: _, generation: __, ...rest } = record.job;
    const revised = { ...rest, revision: rest.revision + 1 };
    // The dead job's id stands for the models that it was meant for.
    const successor = { job: { ...revised, id: jobId(installationKey, revised, [id]) }, lane: record.lane };
    const admitted = await ledger.redrive(id, successor, Date.now());
    if (admitted === undefined) {
      throw new Problem("not-ready", `Expected a dead job but ${id} is ${record.state}`, {
        remedy: "Only dead letters can be sent back.",
      });
    }
    await publish(queue, [admitted]);
    return admitted;
  };
}
