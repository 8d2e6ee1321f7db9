import { selfTestPrefix } from "../core/self-test-name.ts";
import type { Sqlite } from "../sqlite.ts";
import type { EventTally, OpenSelfTests, RouteStats } from "./ledger.ts";
import { toStats } from "./stats-rows.ts";
import { openStates, toOpenSelfTests, toTally } from "./tally-rows.ts";

/** What the counts are read from without looking at every job, as migration steps of their own. */
export const statsIndexes: readonly string[] = [
  `create index job_state_trouble on job_state (route, state, json_extract(last, '$.code'))
     where state in ('failed', 'held', 'dead');
   create index job_state_retried on job_state (route, attempts) where attempts > 1;
   create index job_state_ended on job_state (updated_at, route, state)
     where state in ('done', 'skipped', 'held', 'dead');`,
];

/** Of what is admitted the first is the oldest; of what was started, a few, and failed, each is looked at. */
const oldest = `select r.route, min(
    coalesce((select j.admitted_at from job_state s join jobs j on j.id = s.job_id
      where s.route = r.route and s.state = 'admitted' order by s.seq limit 1), 9e15),
    coalesce((select min(j.admitted_at) from job_state s join jobs j on j.id = s.job_id
      where s.route = r.route and s.state in ('started', 'failed')), 9e15)) as at
  from (select distinct route from job_counts) r`;

/** Every route's figures, on one snapshot. */
export async function readStats(sqlite: Sqlite, since: number): Promise<readonly RouteStats[]> {
  // `indexed by`: without statistics SQLite would look at every job, and with a wrong index this fails at once.
  const [counts, troubles, waiting, retries, recent] = await sqlite.read([
    { sql: "select route, state, jobs from job_counts where jobs > 0 order by route" },
    {
      sql: `select route, state, json_extract(last, '$.code') as code, count(*) as jobs
        from job_state indexed by job_state_trouble where state in ('failed', 'held', 'dead') group by route, state, json_extract(last, '$.code')`,
    },
    { sql: oldest },
    {
      sql: "select route, sum(attempts - 1) as retries from job_state indexed by job_state_retried where attempts > 1 group by route",
    },
    {
      sql: `select route, state, count(*) as jobs, min(updated_at) as first
        from job_state indexed by job_state_ended
        where state in ('done', 'skipped', 'held', 'dead') and updated_at >= $since group by route, state`,
      params: { since },
    },
  ]);
  return toStats({ counts: counts!, troubles: troubles!, waiting: waiting!, retries: retries!, recent: recent! });
}

/** Events of a stretch of time, counted. */
export async function readTally(sqlite: Sqlite, since: number, until: number): Promise<readonly EventTally[]> {
  const [rows] = await sqlite.read([
    {
      sql: `select route, kind, code, detector, digest, faceless, cached, again,
          count(*) as events, sum(regions) as regions
        from (select j.route, e.kind, json_extract(e.detail, '$.code') as code,
            json_extract(e.detail, '$.detector.name') as detector, json_extract(e.detail, '$.detector.digest') as digest,
            coalesce(json_extract(e.detail, '$.regions') = 0, 0) as faceless,
            json_extract(e.detail, '$.cached') is not null as cached,
            case e.kind when 'admitted' then json_extract(j.job, '$.revision') > 0
              when 'done' then lead(e.seq) over (partition by e.kind, j.route, j.key, j.version order by e.seq) is not null
              else 0 end as again,
            coalesce(json_extract(e.detail, '$.regions'), 0) as regions
          from events e join jobs j on j.id = e.job_id
          where e.at >= $since and e.at < $until and instr(j.key, $selfTest) = 0)
        group by 1, 2, 3, 4, 5, 6, 7, 8 order by 1, 2, 3, 4, 5, 6, 7, 8`,
      params: { since, until, selfTest: selfTestPrefix },
    },
  ]);
  return toTally(rows!);
}

/** Self-tests among what is open now. */
export async function readOpenSelfTests(sqlite: Sqlite): Promise<readonly OpenSelfTests[]> {
  const [rows] = await sqlite.read([
    {
      sql: `select s.route, s.state, count(*) as jobs from job_state s join jobs j on j.id = s.job_id
        where s.state in (${openStates}) and instr(j.key, $selfTest) > 0 group by s.route, s.state`,
      params: { selfTest: selfTestPrefix },
    },
  ]);
  return toOpenSelfTests(rows!);
}
