import { type Job, jobId, type Lane } from "../core/job.ts";
import type { Policy } from "../core/policy.ts";
import type { Admission, Candidate, JobRecord, Ledger } from "../ledger/ledger.ts";
import type { Queue } from "../queues/queue.ts";
import type { Arrival } from "../sources/source.ts";
import { outputKey, type Route } from "./route.ts";

export interface AdmitParts {
  readonly ledger: Pick<Ledger, "admit">;
  readonly queue: Pick<Queue, "publish">;
  readonly installationKey: string;
  readonly modelDigests: readonly string[];
}

/** What a request may ask for instead of its route's own. */
export interface AdmitOptions {
  readonly policy?: Policy;
  readonly lane?: Lane;
  readonly requestDigest?: string;
}

/** Turns announced objects into jobs. Returns, in their order, once each job is durable in ledger and queue. */
export type Admit = (
  route: Route,
  arrivals: readonly Arrival[],
  options?: AdmitOptions,
) => Promise<readonly Admission[]>;

/** The ledger's record comes before the queue's: no queue ever carries a job that the ledger does not know. */
export function createAdmit({ ledger, queue, installationKey, modelDigests }: AdmitParts): Admit {
  function candidateOf(route: Route, { key, version }: Arrival, options: AdmitOptions): Candidate {
    const job: Omit<Job, "id" | "generation"> = {
      revision: 0,
      route: route.name,
      medium: "image",
      input: { store: route.input, key, version },
      output: { store: route.output, key: outputKey(key) },
      policy: options.policy ?? route.policy,
    };
    const { requestDigest } = options;
    return {
      job: { ...job, id: jobId(installationKey, job, modelDigests) },
      lane: options.lane ?? route.lane,
      ...(requestDigest !== undefined && { requestDigest }),
    };
  }

  return async (route, arrivals, options = {}) => {
    if (arrivals.length === 0) return [];
    const admissions = await ledger.admit(arrivals.map((arrival) => candidateOf(route, arrival, options)));
    // A known job that nobody has started may be one whose publishing was cut off.
    const unstarted = admissions.map(({ record }) => record).filter(({ state }) => state === "admitted");
    await publish(queue, unstarted);
    return admissions;
  };
}

/** Publishes records' jobs, each in its lane. */
export async function publish(queue: Pick<Queue, "publish">, records: readonly JobRecord[]): Promise<void> {
  const byLane = Map.groupBy(records, ({ lane }) => lane);
  for (const [lane, its] of byLane)
    await queue.publish(
      its.map(({ job }) => job),
      lane,
    );
}
