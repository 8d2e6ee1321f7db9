import { type JobState, jobStates, mayFollow } from "../core/job.ts";
import type { KeptRegions } from "../core/kept-regions.ts";
import type { Ask, PostgresRow } from "../postgres.ts";
import { whoOf } from "./job-rows.ts";
import type { Candidate, Claim, LedgerEvent, Stamp } from "./ledger.ts";
import type { Bury } from "./tombstone.ts";

/** What a JobRecord is read from. */
export const records = `select j.job, j.generation, j.lane, j.request_digest, j.admitted_at, j.erased_at,
    s.state, s.attempts, s.updated_at, s.seq, s.last
  from job_state s join jobs j on j.id = s.job_id`;

/** Milliseconds since 1970, by the database's clock. */
export const postgresNow = "(extract(epoch from clock_timestamp()) * 1000)::bigint";

/**
 * That the newest job of (key, route) is not for this version; each in as many words as it may have, its tombstone
 * included. What ended as `superseded` or `removed` counts as never seen, should it be there again.
 */
export const isUnknown = (keys: string, route: string, versions: string) => `not exists (
  select 1 from jobs j join job_state s on s.job_id = j.id
  where j.key in (${keys}) and j.route = ${route} and j.version in (${versions})
    and s.state not in ('superseded', 'redriven', 'approved', 'removed')
    and j.generation = (select max(m.generation) from jobs m where m.key in (${keys}) and m.route = ${route}))`;

// One admission after the other, whoever admits: of two that are made at once each would miss the other one.
const admitting = 7_310_528_002;

export interface AdmissionTerms {
  readonly at: number;
  readonly stamp: Stamp;
  readonly bury: Bury;
}

const columns = `c (place bigint, id text, route text, key text, version text, buried_key text, buried_version text,
  rerun bigint, lane text, job text, digest text, generation bigint, regions text, detail text)`;
const both = { keys: "c.key, c.buried_key", versions: "c.version, c.buried_version" };
const newest = `(select max(m.generation) from jobs m where m.key in (${both.keys}) and m.route = c.route)`;

/** In one statement the jobs of all candidates that are new, their events and their states; `generation` is a successor's. */
const admitAll = `with c as (select * from json_to_recordset($candidates::json) as ${columns}),
  j as (
    insert into jobs (id, route, key, version, generation, lane, job, request_digest, admitted_at)
      select c.id, c.route, c.key, c.version, coalesce(c.generation, ${newest} + 1, 1), c.lane, c.job, c.digest, $at
      from c where not exists (select 1 from jobs known where known.id = c.id)
        and case when c.rerun is not null then c.rerun = ${newest}
          else c.generation is not null or ${isUnknown(both.keys, "c.route", both.versions)} end
      order by c.place
      returning id, route, n
  ),
  e as (
    insert into events (job_id, kind, at, detail) select j.id, 'admitted', $at, c.detail from j join c on c.id = j.id
      order by j.n returning id, job_id, detail
  ),
  d as (insert into job_counts select route, 'admitted', count(*) from j group by route),
  k as (insert into regions select j.id, c.regions from j join c on c.id = j.id where c.regions is not null)
  insert into job_state (job_id, route, state, attempts, updated_at, seq, last)
    select e.job_id, j.route, 'admitted', 0, $at, e.id, e.detail from e join j on j.id = e.job_id
    returning job_id`;

/** For each candidate the last job of its version, and the newest generation of its key. */
const admitted = `select c.place, r.*, ${newest} as newest
  from json_to_recordset($candidates::json) as ${columns}
  cross join lateral (${records} where j.id = (select l.id from jobs l
    where l.key in (${both.keys}) and l.route = c.route and l.version in (${both.versions})
    order by l.generation desc, l.n desc limit 1)) r
  order by c.place`;

export async function lockAdmissions(ask: Ask): Promise<void> {
  await ask(`select pg_advisory_xact_lock(${admitting})`);
}

/** Under the lock of admissions: a row for each candidate, in order, `fresh` where it was admitted now. */
export async function admitRows(
  ask: Ask,
  candidates: readonly (Candidate & { readonly generation?: number })[],
  { at, stamp, bury }: AdmissionTerms,
): Promise<readonly PostgresRow[]> {
  const named = candidates.map((candidate, place) => {
    const { job, lane, requestDigest, rerun = null, generation, regions } = candidate;
    const { id, route, input } = job;
    const tombstone = bury(input);
    return {
      ...{ place, id, route, key: input.key, version: input.version, rerun, lane, job: JSON.stringify(job) },
      ...{ buried_key: tombstone.key, buried_version: tombstone.version },
      ...{ digest: requestDigest ?? null, generation: generation ?? null },
      regions: regions === undefined ? null : JSON.stringify(regions),
      detail: JSON.stringify({ ...stamp, ...whoOf(candidate) }),
    };
  });
  const rows: PostgresRow[] = [];
  // Of one object only one candidate at a time: the next one must see what became of it.
  for (let left = named; left.length > 0; ) {
    const taken = new Set<string>();
    const wave = left.filter(({ id, route, key }) => {
      const names = [JSON.stringify([route, key]), id];
      if (names.some((name) => taken.has(name))) return false;
      for (const name of names) taken.add(name);
      return true;
    });
    const params = { candidates: JSON.stringify(wave) };
    const inserted = new Set((await ask(admitAll, { ...params, at })).map(({ job_id }) => job_id));
    const idOf = new Map(wave.map(({ place, id }) => [place, id]));
    for (const row of await ask(admitted, params)) {
      rows.push({ ...row, fresh: inserted.has(idOf.get(Number(row.place))!) });
    }
    const done = new Set(wave);
    left = left.filter((one) => !done.has(one));
  }
  return rows.sort((a, b) => Number(a.place) - Number(b.place));
}

export interface TransitionTerms {
  readonly stamp: Stamp;
  readonly from?: readonly JobState[];
  /** The start that must be the job's last event. */
  readonly fence?: number | undefined;
  /** For a start: who claims the job. */
  readonly claim?: Claim;
  /** Kept with the job; what it has already stays. */
  readonly regions?: KeptRegions | undefined;
}

/** The states in which another job may take a job's place. */
export const replaceable = {
  redriven: ["dead", "held"],
  approved: ["held"],
} as const satisfies Record<string, readonly JobState[]>;

// `for update`: whoever comes second looks again at what the first one has left.
const move = `with s as (
    select job_id, route, state from job_state
    where job_id = $jobId and state = any($from::text[]) and not erased
      and ($fence::bigint is null or (state = 'started' and seq = $fence))
      and ($holder::text is null or state <> 'started' or claimed_by is null or claimed_by = $holder
        or claimed_until <= ${postgresNow})
    for update
  ),
  e as (insert into events (job_id, kind, at, detail) select job_id, $kind, $at, $detail from s returning id),
  d as (insert into job_counts select route, state, -1 from s union all select route, $kind, 1 from s),
  k as (insert into regions select job_id, $regions::text from s where $regions::text is not null on conflict do nothing)
  update job_state set state = $kind, attempts = attempts + case when $kind = 'started' then 1 else 0 end,
      updated_at = $at, last = $detail, code = $code, seq = e.id, lost = false, claimed_by = $holder,
      claimed_until = case when $holder::text is null then 0 else ${postgresNow} + $ttlMs::bigint end, claim_ms = $ttlMs
    from e where job_state.job_id = $jobId returning e.id, job_state.route`;

/** One statement that does nothing unless the job's state is one that the event may follow; answers the event's number. */
export async function transition(
  ask: Ask,
  { jobId, kind, at, ...detail }: LedgerEvent,
  { stamp, from = jobStates.filter((state) => mayFollow(state, kind)), fence, claim, regions }: TransitionTerms,
): Promise<number | undefined> {
  const [row] = await ask(move, {
    ...{ jobId, kind, at, detail: JSON.stringify({ ...stamp, ...detail }), code: detail.code ?? null, from },
    ...{ fence: fence ?? null, holder: claim?.holder ?? null, ttlMs: claim?.ttlMs ?? 0 },
    regions: regions === undefined ? null : JSON.stringify(regions),
  });
  return row && Number(row.id);
}
