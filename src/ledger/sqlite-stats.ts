import { type JobState, jobStates } from "../core/job.ts";
import type { ProblemCode } from "../errors.ts";
import type { Sqlite } from "../sqlite.ts";
import type { RouteStats } from "./ledger.ts";

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

/** One snapshot. `indexed by`: else SQLite may look at every job, and no statistics tell it not to. */
/** X route's figures. */
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
  const none = Object.fromEntries(jobStates.map((state) => [state, 0])) as Record<JobState, number>;
  return [...new Set(counts!.map(({ route }) => String(route)))].map((route) => {
    const its = <T extends { readonly route?: unknown }>(rows: readonly T[] | undefined) =>
      (rows ?? []).filter((row) => row.route === route);
    const oldestAt = Number(its(waiting)[0]?.at ?? 9e15);
    const ended = its(recent);
    const firstAt = Math.min(...ended.map(({ first }) => Number(first)));
    return {
      route,
      states: { ...none, ...Object.fromEntries(its(counts).map(({ state, jobs }) => [state, Number(jobs)])) },
      troubles: its(troubles).map(({ state, code, jobs }) => ({
        state: state as "failed" | "held" | "dead",
        // One without a code was written by hand.
        code: (code ?? "internal") as ProblemCode,
        jobs: Number(jobs),
      })),
      ...(oldestAt < 9e15 && { oldestWaitingAt: oldestAt }),
      retries: Number(its(retries)[0]?.retries ?? 0),
      recent: {
        ended: Object.fromEntries(ended.map(({ state, jobs }) => [state, Number(jobs)])),
        ...(ended.length > 0 && { firstAt }),
      },
    };
  });
}
