import { selfTestPrefix } from "../core/self-test-name.ts";
import type { Postgres } from "../postgres.ts";
import type { EventTally, OpenSelfTests, RouteStats } from "./ledger.ts";
import { toStats } from "./stats-rows.ts";
import { openStates, toOpenSelfTests, toTally } from "./tally-rows.ts";

const oldest = `select r.route, least(
    (select j.admitted_at from job_state s join jobs j on j.id = s.job_id
      where s.route = r.route and s.state = 'admitted' order by s.seq limit 1),
    (select min(j.admitted_at) from job_state s join jobs j on j.id = s.job_id
      where s.route = r.route and s.state in ('started', 'failed')), 9000000000000000) as at
  from (select distinct route from job_counts) r`;

/** Every route's figures, on one snapshot. */
export function readStats(postgres: Postgres, since: number): Promise<readonly RouteStats[]> {
  return postgres.snapshot(async (ask) =>
    toStats({
      counts: await ask(
        "select route, state, sum(jobs) as jobs from job_counts group by route, state having sum(jobs) > 0 order by route",
      ),
      troubles: await ask(`select route, state, code, count(*) as jobs from job_state
        where state in ('failed', 'held', 'dead') group by route, state, code`),
      waiting: await ask(oldest),
      retries: await ask("select route, sum(attempts - 1) as retries from job_state where attempts > 1 group by route"),
      recent: await ask(
        `select route, state, count(*) as jobs, min(updated_at) as first from job_state
          where state in ('done', 'skipped', 'held', 'dead') and updated_at >= $since group by route, state`,
        { since },
      ),
    }),
  );
}

/** Events of a stretch of time, counted. */
export async function readTally(postgres: Postgres, since: number, until: number): Promise<readonly EventTally[]> {
  const rows = await postgres.ask(
    `select route, kind, code, detector, digest, regions = 0 as faceless, cached, again,
        count(*) as events, sum(greatest(regions, 0)) as regions
      from (select j.route, e.kind, d ->> 'code' as code, d #>> '{detector,name}' as detector,
          d #>> '{detector,digest}' as digest, coalesce((d ->> 'regions')::bigint, -1) as regions, d ? 'cached' as cached,
          case e.kind when 'admitted' then (j.job::jsonb ->> 'revision')::bigint > 0
            when 'done' then lead(e.id) over (partition by e.kind, j.route, j.key, j.version order by e.id) is not null
            else false end as again
        from (select id, job_id, kind, detail::jsonb as d from events where at >= $since and at < $until) e
        join jobs j on j.id = e.job_id where strpos(j.key, $selfTest) = 0) known
      group by 1, 2, 3, 4, 5, 6, 7, 8 order by 1, 2, 3, 4, 5, 6, 7, 8`,
    { since, until, selfTest: selfTestPrefix },
  );
  return toTally(rows);
}

/** Self-tests among what is open now. */
export async function readOpenSelfTests(postgres: Postgres): Promise<readonly OpenSelfTests[]> {
  const rows = await postgres.ask(
    `select s.route, s.state, count(*) as jobs from job_state s join jobs j on j.id = s.job_id
      where s.state in (${openStates}) and strpos(j.key, $selfTest) > 0 group by s.route, s.state`,
    { selfTest: selfTestPrefix },
  );
  return toOpenSelfTests(rows);
}

/** How many rows of counts may gather before they are added up. */
const foldEvery = 500;
const folding = 7_310_528_003;

/** Adds the counts' rows up, now and then, where nobody else is about to. */
export function createCountFolder(postgres: Postgres): (written: number) => Promise<void> {
  let gathered = 0;
  return async (written) => {
    gathered += written;
    if (gathered < foldEvery) return;
    gathered = 0;
    await postgres.transaction(
      async (ask) => {
        const [row] = await ask(`select pg_try_advisory_xact_lock(${folding}) as mine`);
        if (row!.mine !== true) return;
        await ask(`with gone as (delete from job_counts returning route, state, jobs)
          insert into job_counts select route, state, sum(jobs) from gone group by route, state`);
      },
      { again: true },
    );
  };
}
