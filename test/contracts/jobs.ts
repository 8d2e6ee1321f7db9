import type { Job } from "../../src/core/job.ts";
import { jobId } from "../../src/core/job.ts";
import { defaultPolicy } from "../../src/core/policy.ts";
import type { Candidate } from "../../src/ledger/ledger.ts";

export interface JobParts {
  readonly key?: string;
  readonly version?: string;
  readonly route?: string;
  readonly revision?: number;
  readonly regionsDigest?: string;
}

/** A job as admit would make it. */
export function makeJob({
  key = "a.jpg",
  version = "1",
  route = "folder",
  revision = 0,
  regionsDigest,
}: JobParts = {}): Job {
  const job: Omit<Job, "id" | "generation"> = {
    revision,
    route,
    medium: "image",
    input: { store: "input", key, version },
    output: { store: "output", key },
    policy: defaultPolicy,
    ...(regionsDigest !== undefined && { regionsDigest }),
  };
  return { ...job, id: jobId("test", job, []), generation: 1 };
}

export function makeJobs(count: number, prefix = "photo"): readonly Job[] {
  return Array.from({ length: count }, (_, index) => makeJob({ key: `${prefix}-${index}.jpg` }));
}

export function makeCandidate(parts: JobParts = {}, rest: Partial<Candidate> = {}): Candidate {
  const { generation: _, ...job } = makeJob(parts);
  return { job, lane: "bulk", ...rest };
}
