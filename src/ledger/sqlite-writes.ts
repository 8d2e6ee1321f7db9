import { type JobState, jobStates, mayFollow } from "../core/job.ts";
import type { KeptRegions } from "../core/kept-regions.ts";
import type { Statement } from "../sqlite.ts";
import { whoOf } from "./job-rows.ts";
import type { Candidate, Claim, LedgerEvent, Stamp } from "./ledger.ts";
import type { Bury } from "./tombstone.ts";

/** What a JobRecord is read from. */
export const records = `select j.job, j.generation, j.lane, j.request_digest, j.admitted_at, j.erased_at,
    s.state, s.attempts, s.updated_at, s.seq, s.last
  from job_state s join jobs j on j.id = s.job_id`;

const newestOf = (keys: string, route: string) =>
  `(select max(generation) from jobs where key in (${keys}) and route = ${route})`;

/**
 * That the newest job of (key, route) is not for this version; each in as many words as it may have, its tombstone
 * included. One that ended as `superseded` without a newer one found its object gone or changed, and one that is
 * `removed` lost it later: should that version be there again, it counts as never seen.
 */
export const isUnknown = (keys: string, route: string, versions: string) => `not exists (
  select 1 from jobs j join job_state s on s.job_id = j.id
  where j.key in (${keys}) and j.route = ${route} and j.version in (${versions})
    and s.state not in ('superseded', 'redriven', 'approved', 'removed')
    and j.generation = ${newestOf(keys, route)})`;

/** Admits what the ledger does not know, or what is to be done again. */
export const ifUnknown = `not exists (select 1 from jobs where id = $id)
  and case when $rerun is null then ${isUnknown("$key, $buriedKey", "$route", "$version, $buriedVersion")}
    else ${newestOf("$key, $buriedKey", "$route")} = $rerun end`;

/** Admits the successor of a job while that is dead or held; to be approved it has to be held. */
export const ifDead = (kind: "redriven" | "approved") => `exists (
  select 1 from job_state where job_id = $dead and state in (${replaceable[kind].map((state) => `'${state}'`).join(", ")}))
  and not exists (select 1 from jobs where id = $dead and erased_at is not null)`;

/** The states in which another job may take a job's place. */
export const replaceable = {
  redriven: ["dead", "held"],
  approved: ["held"],
} as const satisfies Record<string, readonly JobState[]>;

export interface AdmissionTerms {
  readonly at: number;
  /** SQL that must hold. */
  readonly condition: string;
  /** The job whose place it takes. */
  readonly dead?: string;
  readonly stamp: Stamp;
  readonly bury: Bury;
}

/** Four statements: the job where the condition holds, its event, its state, and the record as it is then. */
export function admission(candidate: Candidate, terms: AdmissionTerms): readonly Statement[] {
  const { job, lane, requestDigest, rerun } = candidate;
  const { at, condition, dead, stamp, bury } = terms;
  const tombstone = bury(job.input);
  const params = {
    id: job.id,
    route: job.route,
    key: job.input.key,
    version: job.input.version,
    buriedKey: tombstone.key,
    buriedVersion: tombstone.version,
    detail: JSON.stringify({ ...stamp, ...whoOf(candidate) }),
    rerun: rerun ?? null,
    lane,
    job: JSON.stringify(job),
    digest: requestDigest ?? null,
    at,
    dead: dead ?? null,
  };
  const unwritten = "from jobs where id = $id and not exists (select 1 from events where job_id = $id)";
  const unprojected = "from events where job_id = $id and not exists (select 1 from job_state where job_id = $id)";
  const latest = `select id from jobs
    where key in ($key, $buriedKey) and route = $route and version in ($version, $buriedVersion)
    order by generation desc, rowid desc limit 1`;
  const newest = newestOf("$key, $buriedKey", "$route");
  // A successor stands where its predecessor stood: it must not overtake a newer version.
  const generation = `case when $dead is null
    then coalesce(${newest}, 0) + 1
    else (select generation from jobs where id = $dead) end`;
  return [
    {
      sql: `insert into jobs (id, route, key, version, generation, lane, job, request_digest, admitted_at)
        select $id, $route, $key, $version, ${generation}, $lane, $job, $digest, $at
        where ${condition} returning id`,
      params,
    },
    { sql: `insert into events (job_id, kind, at, detail) select id, 'admitted', $at, $detail ${unwritten}`, params },
    {
      sql: `insert into job_state (job_id, route, state, attempts, updated_at, seq, last)
        select job_id, $route, kind, 0, at, seq, detail ${unprojected}`,
      params,
    },
    { sql: `select *, ${newest} as newest from (${records} where j.id = (${latest}))`, params },
  ];
}

/** Keeps regions with a job that is there, or only if its last event is this one; what it has already stays. */
export function keeping(jobId: string, regions: KeptRegions, last?: Statement): Statement {
  const { kind = null, at = null, detail = null } = last?.params ?? {};
  return {
    sql: `insert into regions (job_id, regions)
      select job_id, $regions from job_state
      where job_id = $jobId and ($kind is null or (state = $kind and updated_at = $at and last = $detail))
      on conflict do nothing`,
    params: { jobId, regions: JSON.stringify(regions), kind, at, detail },
  };
}

export interface TransitionTerms {
  readonly stamp: Stamp;
  readonly from?: readonly JobState[];
  /** The start that must be the job's last event. */
  readonly fence?: number | undefined;
  /** For a start: who claims the job. */
  readonly claim?: Claim;
}

/** Milliseconds since 1970, by the database's clock. */
export const sqliteNow = "cast(unixepoch('subsec') * 1000 as integer)";

/** Two statements that do nothing unless the job's state is one that the event may follow; the first answers its number. */
export function transition({ jobId, kind, at, ...detail }: LedgerEvent, terms: TransitionTerms): readonly Statement[] {
  const { stamp, from = jobStates.filter((state) => mayFollow(state, kind)), fence, claim } = terms;
  const params = {
    ...{ jobId, kind, at, detail: JSON.stringify({ ...stamp, ...detail }), from: JSON.stringify(from) },
    ...{ fence: fence ?? null, holder: claim?.holder ?? null, ttlMs: claim?.ttlMs ?? 0 },
  };
  // Nothing follows on a job whose names were erased.
  const named = "and not exists (select 1 from jobs where id = $jobId and erased_at is not null)";
  const fenced = "and ($fence is null or (state = 'started' and seq = $fence))";
  const free = `and ($holder is null or state <> 'started' or claimed_by is null or claimed_by = $holder
    or claimed_until <= ${sqliteNow})`;
  const allowed = `job_id = $jobId and state in (select value from json_each($from)) ${named} ${fenced} ${free}`;
  return [
    {
      sql: `insert into events (job_id, kind, at, detail)
        select job_id, $kind, $at, $detail from job_state where ${allowed} returning seq`,
      params,
    },
    {
      sql: `update job_state set state = $kind, attempts = attempts + ($kind = 'started'), updated_at = $at, last = $detail,
          seq = (select max(seq) from events where job_id = $jobId),
          lost = 0, claimed_by = $holder, claimed_until = case when $holder is null then 0 else ${sqliteNow} + $ttlMs end
        where ${allowed}`,
      params,
    },
  ];
}
