import { type JobState, jobStates } from "../core/job.ts";
import type { Row, Sqlite, SqlValue } from "../sqlite.ts";
import { cursorOf, toEvent, toJobRecord, toRegions, whoOf } from "./job-rows.ts";
import type { Ledger, Note, Stamp } from "./ledger.ts";
import { readOpenSelfTests, readStats, readTally, statsIndexes } from "./sqlite-stats.ts";
import { claimColumns, ledgerTables } from "./sqlite-tables.ts";
import {
  admission,
  ifDead,
  ifUnknown,
  isUnknown,
  keeping,
  records,
  replaceable,
  sqliteNow,
  transition,
} from "./sqlite-writes.ts";
import { createTombstones } from "./tombstone.ts";

export interface SqliteLedgerOptions {
  /** Whoever opened it closes it. */
  readonly sqlite: Sqlite;
  /** What tombstones of erased objects are made with. */
  readonly installationKey: string;
  /** Added to every record. */
  readonly stamp?: Stamp;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** A ledger in one SQLite file. Events can't be changed or removed; the projection is written with them. */
export async function createSqliteLedger(options: SqliteLedgerOptions): Promise<Ledger> {
  const { sqlite, installationKey, stamp = {}, now = Date.now } = options;
  await sqlite.migrate("ledger", ledgerTables);
  await sqlite.migrate("ledger-claims", claimColumns);
  const bury = createTombstones(installationKey);
  await sqlite.migrate("ledger-stats", statsIndexes);

  async function rowsOf(sql: string, params: Record<string, SqlValue>): Promise<readonly Row[]> {
    const [rows] = await sqlite.read([{ sql, params }]);
    return rows!;
  }

  return {
    async admit(candidates) {
      const terms = { at: now(), condition: ifUnknown, stamp, bury };
      const answers = await sqlite.write([
        ...candidates.flatMap((candidate) => admission(candidate, terms)),
        ...candidates.flatMap(({ job, regions }) => (regions === undefined ? [] : [keeping(job.id, regions)])),
      ]);
      return candidates.map((_, index) => {
        const [inserted, , , found] = answers.slice(index * 4);
        const record = toJobRecord(found![0]!);
        const fresh = inserted!.length > 0;
        const isOver =
          record.state === "superseded" ||
          record.state === "removed" ||
          record.job.generation < Number(found![0]!.newest);
        return { record, fresh, again: !fresh && isOver };
      });
    },

    async append(event, regions, fence) {
      const steps = transition(event, { stamp, fence });
      const kept = regions === undefined ? [] : [keeping(event.jobId, regions, steps.at(-1))];
      const [inserted] = await sqlite.write([...steps, ...kept]);
      return inserted!.length > 0;
    },

    async start(event, claim) {
      const [inserted] = await sqlite.write(transition(event, { stamp, claim }));
      return inserted![0] && Number(inserted![0].seq);
    },

    async claimedMs(jobId, holder) {
      const [row] = await rowsOf(
        `select claimed_until - ${sqliteNow} as ms from job_state
          where job_id = $jobId and state = 'started' and claimed_by is not null and claimed_by <> $holder`,
        { jobId, holder },
      );
      return Math.max(0, Number(row?.ms ?? 0));
    },

    async renew(claims, ttlMs) {
      const params = { claims: JSON.stringify(claims), ttlMs };
      const held = `select c.value ->> 'jobId' from json_each($claims) c join job_state s
        on s.job_id = c.value ->> 'jobId' and s.seq = c.value ->> 'fence' and s.state = 'started'`;
      const [, lost] = await sqlite.write([
        { sql: `update job_state set claimed_until = ${sqliteNow} + $ttlMs where job_id in (${held})`, params },
        {
          sql: `select o.value ->> 'jobId' as id from json_each($claims) o where o.value ->> 'jobId' not in (${held})`,
          params,
        },
      ]);
      return lost!.map(({ id }) => String(id));
    },

    async redrive(deadJobId, { regions, ...successor }, at, kind = "redriven") {
      const { id, regionsDigest } = successor.job;
      const digest = kind === "approved" && regionsDigest !== undefined && { regionsDigest };
      const [inserted, , , found] = await sqlite.write([
        ...admission(successor, { at, condition: ifDead(kind), dead: deadJobId, stamp, bury }),
        ...transition(
          { jobId: deadJobId, kind, at, successor: id, ...digest, ...whoOf(successor) },
          { stamp, from: replaceable[kind] },
        ),
        ...(regions === undefined ? [] : [keeping(id, regions)]),
      ]);
      return inserted!.length > 0 ? toJobRecord(found![0]!) : undefined;
    },

    async get(jobId) {
      const [row] = await rowsOf(`${records} where s.job_id = $jobId`, { jobId });
      return row && toJobRecord(row);
    },

    async regions(jobId) {
      const [row] = await rowsOf("select regions from regions where job_id = $jobId", { jobId });
      return row && toRegions(String(row.regions), jobId);
    },

    async decisions(route, key) {
      const rows = await rowsOf(
        `${records} where j.key = $key and j.route = $route and j.erased_at is null
          and (s.state = 'rejected' or exists (select 1 from regions r where r.job_id = j.id))
          order by j.generation desc, s.seq desc`,
        { route, key },
      );
      return rows.map(toJobRecord).filter(({ job, state }) => state === "rejected" || job.regionsDigest !== undefined);
    },

    async isCurrent({ id, route, input, generation }, fence) {
      const [row] = await rowsOf(
        `select not exists (select 1 from jobs where key = $key and route = $route and generation > $generation)
            and ($fence is null or exists (select 1 from job_state
              where job_id = $id and state = 'started' and seq = $fence and claimed_until > ${sqliteNow})) as current`,
        { id, key: input.key, route, generation, fence: fence ?? null },
      );
      return row!.current === 1;
    },

    async unseen(route, objects) {
      const unknown = async (keys: string, versions: string, some: typeof objects, names: readonly string[][]) => {
        const rows = await rowsOf(
          `select o.key as place from json_each($names) o where ${isUnknown(keys, "$route", versions)}`,
          { names: JSON.stringify(names), route },
        );
        return rows.map(({ place }) => some[Number(place)]!);
      };
      const plain = objects.map(({ key, version }) => [key, version]);
      const found = await unknown("o.value ->> 0", "o.value ->> 1", objects, plain);
      if (found.length === 0) return [];
      // Most of a listing is known: only the rest is looked for under its tombstones.
      const both = found.map(({ key, version }) => {
        const tombstone = bury({ key, version });
        return [key, version, tombstone.key, tombstone.version];
      });
      return unknown("o.value ->> 0, o.value ->> 2", "o.value ->> 1, o.value ->> 3", found, both);
    },

    async unstarted(before, limit, after) {
      const rows = await rowsOf(
        `${records} where s.state = 'admitted' and s.published = 0 and s.updated_at < $before
           and s.seq > coalesce((select min(seq) from events where job_id = $after), 0)
         order by s.seq limit $limit`,
        { before, limit, after: after ?? null },
      );
      return rows.map(toJobRecord);
    },

    async unheard(before, limit) {
      const rows = await rowsOf(
        `${records} where s.lost = 1 and s.state in ('failed', 'started') and s.updated_at < $before
           and s.claimed_until <= ${sqliteNow}
         order by s.seq limit $limit`,
        { before, limit },
      );
      return rows.map(toJobRecord);
    },

    async published(jobIds) {
      const sql = "update job_state set published = 1, lost = 0 where job_id in (select value from json_each($ids))";
      await sqlite.write([{ sql, params: { ids: JSON.stringify(jobIds) } }]);
    },

    async unpublish() {
      const [unstarted, begun] = await sqlite.write([
        { sql: "update job_state set published = 0 where state = 'admitted' and published = 1 returning job_id" },
        { sql: "update job_state set lost = 1 where state in ('failed', 'started') and lost = 0 returning job_id" },
      ]);
      return { unstarted: unstarted!.length, begun: begun!.length };
    },

    async history(jobId) {
      const rows = await rowsOf("select kind, at, detail from events where job_id = $jobId order by seq", { jobId });
      return rows.map((row) => toEvent(jobId, row));
    },

    async find(query) {
      const states = query.states ?? jobStates;
      if (states.length === 0) return { records: [] };
      const rows = await rowsOf(
        query.key === undefined ? newestByState(states.length, query.route !== undefined) : newestOfKey,
        {
          ...Object.fromEntries(states.map((state, index) => [`state${index}`, state])),
          states: JSON.stringify(states),
          route: query.route ?? null,
          key: query.key ?? null,
          before: query.after === undefined ? Number.MAX_SAFE_INTEGER : cursorOf(query),
          limit: query.limit + 1,
        },
      );
      const page = rows.slice(0, query.limit);
      return { records: page.map(toJobRecord), ...(rows.length > page.length && { next: String(page.at(-1)?.seq) }) };
    },

    async counts(route) {
      const rows = await rowsOf(
        "select state, sum(jobs) as jobs from job_counts where $route is null or route = $route group by state",
        { route: route ?? null },
      );
      const none = Object.fromEntries(jobStates.map((state) => [state, 0]));
      const some = Object.fromEntries(rows.map(({ state, jobs }) => [state, Number(jobs)]));
      return { ...none, ...some } as Record<JobState, number>;
    },

    stats: (since) => readStats(sqlite, since),
    tally: (since, until) => readTally(sqlite, since, until),
    openSelfTests: () => readOpenSelfTests(sqlite),

    async note(note) {
      const params = { note: JSON.stringify({ ...stamp, ...note }) };
      await sqlite.write([{ sql: "insert into notes (note) values ($note)", params }]);
    },

    async notes(limit) {
      const rows = await rowsOf("select note from notes order by seq desc limit $limit", { limit });
      return rows.map(({ note }) => JSON.parse(String(note)) as Note);
    },

    async close() {},
  };
}

/** One look per state, each along an index: `state in (…)` would have to sort every job to find the newest. */
function newestByState(states: number, ofRoute: boolean): string {
  const looks = Array.from({ length: states }, (_, index) => {
    const where = `s.state = $state${index} ${ofRoute ? "and s.route = $route" : ""} and s.seq < $before`;
    return `select * from (${records} where ${where} order by s.seq desc limit $limit)`;
  });
  return `${looks.join(" union all ")} order by seq desc limit $limit`;
}

const newestOfKey = `${records} where j.key = $key and ($route is null or s.route = $route) and s.seq < $before
  and s.state in (select value from json_each($states)) order by s.seq desc limit $limit`;
