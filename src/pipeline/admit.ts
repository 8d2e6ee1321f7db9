import { type Job, jobId, type Lane, maxJobBytes } from "../core/job.ts";
import type { Policy } from "../core/policy.ts";
import { Problem } from "../errors.ts";
import type { Admission, Candidate, JobRecord, Ledger } from "../ledger/ledger.ts";
import { reached } from "../points.ts";
import type { Queue } from "../queues/queue.ts";
import type { Arrival } from "../sources/source.ts";
import { outputKey, type Route } from "./route.ts";

export interface AdmitParts {
  readonly ledger: Pick<Ledger, "admit" | "published">;
  readonly queue: PublishParts["queue"];
  readonly installationKey: string;
  readonly modelDigests: readonly string[];
  /** Told about an object that can't become a job. */
  readonly onProblem: (problem: Problem) => void;
}

/** What a request may ask for instead of its route's own. */
export interface AdmitOptions {
  readonly policy?: Policy;
  readonly lane?: Lane;
  readonly requestDigest?: string;
  /** Who asks, where somebody had logged in. */
  readonly who?: string | undefined;
  /** Whose it is, as a mark. */
  readonly owner?: string | undefined;
}

/** Turns announced objects into jobs. Returns once each of them is durable in ledger and queue. */
export type Admit = (
  route: Route,
  arrivals: readonly Arrival[],
  options?: AdmitOptions,
) => Promise<readonly Admission[]>;

/** Does a known job's version again, under another policy, as its newest revision. */
export type Rerun = (
  record: JobRecord,
  options: Required<Pick<AdmitOptions, "policy" | "lane">> & Pick<AdmitOptions, "who">,
) => Promise<JobRecord>;

export function createRerun(parts: AdmitParts): Rerun {
  const { ledger, queue } = parts;
  return async (record, { policy, lane, who }) => {
    const { job, state, erased } = record;
    if (erased) {
      throw new Problem("not-ready", `The names in job ${job.id} were erased, so that it can't be done again`, {
        remedy: "Put the photograph in again, under another name.",
      });
    }
    if (state === "rejected") {
      throw new Problem("already-decided", `Job ${job.id} was rejected: nothing of this version is to be written`);
    }
    const candidate = revisionOf(record, { policy, lane }, parts);
    const [admission] = await ledger.admit([{ ...candidate, who }]);
    const { record: admitted } = admission!;
    if (admitted.job.id !== candidate.job.id) {
      throw new Problem("not-ready", `A newer version of what job ${job.id} was for has come meanwhile`);
    }
    await publish({ ledger, queue }, [admitted]);
    return admitted;
  };
}

/**
 * A job's next revision, to be admitted although its version is known, unless a newer one is. A detector looks again; what
 * a person decided on is masked beside it (`decidedBefore`).
 */
export function revisionOf(
  { job: { id: _, generation, regionsDigest: __, ...rest } }: JobRecord,
  { policy, lane }: { readonly policy: Policy; readonly lane: Lane },
  { installationKey, modelDigests }: Pick<AdmitParts, "installationKey" | "modelDigests">,
): Candidate {
  const revised = { ...rest, policy, revision: rest.revision + 1 };
  const job = { ...revised, id: jobId(installationKey, revised, modelDigests) };
  return { job, lane, rerun: generation };
}

/** The ledger's record comes before the queue's: no queue ever carries a job that the ledger does not know. */
export function createAdmit({ ledger, queue, installationKey, modelDigests, onProblem }: AdmitParts): Admit {
  function candidateOf(route: Route, { key, version }: Arrival, options: AdmitOptions, revision: number): Candidate {
    const job: Omit<Job, "id" | "generation"> = {
      revision,
      route: route.name,
      medium: "image",
      input: { store: route.input, key, version },
      output: { store: route.output, key: outputKey(key) },
      policy: options.policy ?? route.policy,
    };
    const { requestDigest, who, owner } = options;
    return {
      job: { ...job, id: jobId(installationKey, job, modelDigests) },
      lane: options.lane ?? route.lane,
      ...(requestDigest !== undefined && { requestDigest }),
      ...(who !== undefined && { who }),
      ...(owner !== undefined && { owner }),
    };
  }

  /** One name that no queue can carry must not hold up its neighbours. */
  function fits({ job }: Candidate): boolean {
    // The generation that is still missing is a number of a few digits.
    if (Buffer.byteLength(JSON.stringify(job)) + 32 <= maxJobBytes) return true;
    const detail = `The name of an object of ${job.input.key.length} characters in ${job.input.store} is too long`;
    onProblem(new Problem("invalid-request", detail, { remedy: "Give it a shorter name." }));
    return false;
  }

  return async (route, arrivals, options = {}) => {
    const wanted = arrivals
      .map((arrival) => ({ arrival, candidate: candidateOf(route, arrival, options, 0) }))
      .filter(({ candidate }) => fits(candidate));
    if (wanted.length === 0) return [];
    const first = await ledger.admit(wanted.map(({ candidate }) => candidate));
    // By what arrived, not by the record: its names may have been erased.
    const second = await ledger.admit(
      first.flatMap(({ again, record: { job } }, index) =>
        again ? [candidateOf(route, wanted[index]!.arrival, options, job.revision + 1)] : [],
      ),
    );
    const admissions = [...first.filter(({ again }) => !again), ...second];
    // A known job that nobody has started may be one whose publishing was cut off.
    const unstarted = admissions.map(({ record }) => record).filter(({ state }) => state === "admitted");
    for (const { job } of unstarted) reached("admitted", job.id);
    await publish({ ledger, queue }, unstarted);
    for (const { job } of unstarted) reached("published", job.id);
    return admissions;
  };
}

export interface PublishParts {
  readonly ledger: Pick<Ledger, "published">;
  readonly queue: Pick<Queue, "publish" | "keepsCopies">;
}

/** Publishes records' jobs, each in its lane; of what a queue would keep twice, the ledger notes that it has it. */
export async function publish({ ledger, queue }: PublishParts, records: readonly JobRecord[]): Promise<void> {
  const byLane = Map.groupBy(records, ({ lane }) => lane);
  for (const [lane, its] of byLane)
    await queue.publish(
      its.map(({ job }) => job),
      lane,
    );
  if (queue.keepsCopies && records.length > 0) await ledger.published(records.map(({ job }) => job.id));
}
