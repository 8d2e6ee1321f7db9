import { type JobState, jobStates } from "../core/job.ts";
import type { Postgres } from "../postgres.ts";
import { cursorOf, toEvent, toJobRecord, toRegions, whoOf } from "./job-rows.ts";
import type { Ledger, LedgerEvent, Note, Stamp } from "./ledger.ts";
import { createCountFolder, readOpenSelfTests, readStats, readTally } from "./postgres-stats.ts";
import { postgresClaims, postgresTables } from "./postgres-tables.ts";
import {
  admitRows,
  isUnknown,
  lockAdmissions,
  postgresNow,
  records,
  replaceable,
  type TransitionTerms,
  transition,
} from "./postgres-writes.ts";
import { createTombstones } from "./tombstone.ts";

export interface PostgresLedgerOptions {
  /** Whoever opened it closes it. */
  readonly postgres: Postgres;
  /** What tombstones of erased objects are made with: the same for all who write into it. */
  readonly installationKey: string;
  /** Added to every record. */
  readonly stamp?: Stamp;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** What was asked once more, because nobody could tell whether it had been done, finds its own traces. */
const again = { again: true };

/** A ledger in a PostgreSQL database, for any number of processes on any number of hosts. */
export async function createPostgresLedger(options: PostgresLedgerOptions): Promise<Ledger> {
  const { postgres, installationKey, stamp = {}, now = Date.now } = options;
  await postgres.migrate("ledger", postgresTables);
  await postgres.migrate("claims", postgresClaims);
  const bury = createTombstones(installationKey);
  const fold = createCountFolder(postgres);
  const read: typeof postgres.ask = (sql, params) => postgres.ask(sql, params, again);

  /** The number of the event, where it was written. */
  async function move(event: LedgerEvent, terms: TransitionTerms): Promise<number | undefined> {
    const written = await postgres.each(async (ask, isSecond) => {
      const number = await transition(ask, event, terms);
      if (number !== undefined || !isSecond) return number;
      const { jobId, kind, at, ...detail } = event;
      const [last] = await ask(
        `select s.seq from job_state s join events e on e.id = s.seq
          where s.job_id = $jobId and e.kind = $kind and e.at = $at and e.detail = $detail`,
        { jobId, kind, at, detail: JSON.stringify({ ...stamp, ...detail }) },
      );
      return last && Number(last.seq);
    });
    if (written !== undefined) await fold(2);
    return written;
  }

  return {
    async admit(candidates) {
      if (candidates.length === 0) return [];
      const at = now();
      const rows = await postgres.transaction(async (ask) => {
        await lockAdmissions(ask);
        return admitRows(ask, candidates, { at, stamp, bury });
      }, again);
      await fold(1);
      return rows.map((row) => {
        const record = toJobRecord(row);
        const fresh = row.fresh === true;
        const isOver =
          record.state === "superseded" || record.state === "removed" || record.job.generation < Number(row.newest);
        return { record, fresh, again: !fresh && isOver };
      });
    },

    append: async (event, regions, fence) => (await move(event, { stamp, regions, fence })) !== undefined,

    start: (event, claim) => move(event, { stamp, claim }),

    async claimedMs(jobId, holder) {
      // Where the database's clock was set back it would last until the old time comes again. Who lives renews it.
      await read(
        `update job_state set claimed_until = ${postgresNow} + claim_ms
          where job_id = $jobId and state = 'started' and claimed_until > ${postgresNow} + claim_ms`,
        { jobId },
      );
      const [row] = await read(
        `select claimed_until - ${postgresNow} as ms from job_state
          where job_id = $jobId and state = 'started' and claimed_by is not null and claimed_by <> $holder`,
        { jobId, holder },
      );
      return Math.max(0, Number(row?.ms ?? 0));
    },

    async renew(claims, ttlMs) {
      const params = { ids: claims.map(({ jobId }) => jobId), fences: claims.map(({ fence }) => fence), ttlMs };
      const rows = await read(
        `update job_state s set claimed_until = ${postgresNow} + $ttlMs::bigint, claim_ms = $ttlMs
          from unnest($ids::text[], $fences::bigint[]) as c (id, fence)
          where s.job_id = c.id and s.seq = c.fence and s.state = 'started' returning s.job_id`,
        params,
      );
      const held = new Set(rows.map(({ job_id }) => job_id));
      return params.ids.filter((id) => !held.has(id));
    },

    async redrive(deadJobId, successor, at, kind = "redriven") {
      const record = await postgres.transaction(async (ask, isSecond) => {
        await lockAdmissions(ask);
        const { id, regionsDigest } = successor.job;
        const digest = kind === "approved" && regionsDigest !== undefined && { regionsDigest };
        const event = { jobId: deadJobId, kind, at, successor: id, ...digest, ...whoOf(successor) };
        const written = await transition(ask, event, { stamp, from: replaceable[kind] });
        const [row] = await ask(`${records} where j.id = $id`, { id });
        if (written === undefined) return isSecond && row ? toJobRecord(row) : undefined;
        // A successor stands where its predecessor stood: it must not overtake a newer version.
        const [dead] = await ask("select generation from jobs where id = $id", { id: deadJobId });
        const terms = { at, stamp, bury };
        await admitRows(ask, [{ ...successor, generation: Number(dead!.generation) }], terms);
        const [made] = await ask(`${records} where j.id = $id`, { id });
        return toJobRecord(made!);
      }, again);
      await fold(3);
      return record;
    },

    async get(jobId) {
      const [row] = await read(`${records} where s.job_id = $jobId`, { jobId });
      return row && toJobRecord(row);
    },

    async regions(jobId) {
      const [row] = await read("select regions from regions where job_id = $jobId", { jobId });
      return row && toRegions(String(row.regions), jobId);
    },

    async decisions(route, key) {
      const rows = await read(
        `${records} where j.key = $key and j.route = $route and j.erased_at is null
          and (s.state = 'rejected' or exists (select 1 from regions r where r.job_id = j.id))
          order by j.generation desc, s.seq desc`,
        { route, key },
      );
      return rows.map(toJobRecord).filter(({ job, state }) => state === "rejected" || job.regionsDigest !== undefined);
    },

    async isCurrent({ id, route, input, generation }, fence) {
      const [row] = await read(
        `select not exists (select 1 from jobs where key = $key and route = $route and generation > $generation)
            and ($fence::bigint is null or exists (select 1 from job_state
              where job_id = $id and state = 'started' and seq = $fence and claimed_until > ${postgresNow})) as current`,
        { id, key: input.key, route, generation, fence: fence ?? null },
      );
      return row!.current === true;
    },

    async unseen(route, objects) {
      const unknown = async (keys: string, versions: string, some: typeof objects, names: readonly object[]) => {
        const rows = await read(
          `select o.place from json_to_recordset($names::json)
              as o (place int, key text, version text, buried_key text, buried_version text)
            where ${isUnknown(keys, "$route", versions)} order by o.place`,
          { names: JSON.stringify(names), route },
        );
        return rows.map(({ place }) => some[Number(place)]!);
      };
      if (objects.length === 0) return [];
      const plain = objects.map(({ key, version }, place) => ({ place, key, version }));
      const found = await unknown("o.key", "o.version", objects, plain);
      if (found.length === 0) return [];
      // Most of a listing is known: only the rest is looked for under its tombstones.
      const both = found.map(({ key, version }, place) => {
        const tombstone = bury({ key, version });
        return { place, key, version, buried_key: tombstone.key, buried_version: tombstone.version };
      });
      return unknown("o.key, o.buried_key", "o.version, o.buried_version", found, both);
    },

    async unstarted(before, limit, after) {
      const rows = await read(
        `${records} where s.state = 'admitted' and not s.published and s.updated_at < $before
           and s.seq > coalesce((select min(id) from events where job_id = $after), 0)
         order by s.seq limit $limit`,
        { before, limit, after: after ?? null },
      );
      return rows.map(toJobRecord);
    },

    async unheard(before, limit) {
      const rows = await read(
        `${records} where s.lost and s.state in ('failed', 'started') and s.updated_at < $before
           and s.claimed_until <= ${postgresNow}
         order by s.seq limit $limit`,
        { before, limit },
      );
      return rows.map(toJobRecord);
    },

    async published(jobIds) {
      await read("update job_state set published = true, lost = false where job_id = any($jobIds::text[])", { jobIds });
    },

    async unpublish() {
      const [counts] = await read(
        `with a as (update job_state set published = false where state = 'admitted' and published returning 1),
            b as (update job_state set lost = true where state in ('failed', 'started') and not lost returning 1)
          select (select count(*) from a) as unstarted, (select count(*) from b) as begun`,
      );
      return { unstarted: Number(counts!.unstarted), begun: Number(counts!.begun) };
    },

    async history(jobId) {
      const rows = await read("select kind, at, detail from events where job_id = $jobId order by id", { jobId });
      return rows.map((row) => toEvent(jobId, row));
    },

    async find(query) {
      const states = query.states ?? jobStates;
      if (states.length === 0) return { records: [] };
      const rows = await read(
        query.key === undefined ? newestByState(states.length, query.route !== undefined) : newestOfKey,
        {
          ...Object.fromEntries(states.map((state, index) => [`state${index}`, state])),
          states,
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
      const rows = await read(
        "select state, sum(jobs) as jobs from job_counts where $route::text is null or route = $route group by state",
        { route: route ?? null },
      );
      const none = Object.fromEntries(jobStates.map((state) => [state, 0]));
      const some = Object.fromEntries(rows.map(({ state, jobs }) => [String(state), Number(jobs)]));
      return { ...none, ...some } as Record<JobState, number>;
    },

    stats: (since) => readStats(postgres, since),
    tally: (since, until) => readTally(postgres, since, until),
    openSelfTests: () => readOpenSelfTests(postgres),

    async note(note) {
      await postgres.ask("insert into notes (note) values ($note)", { note: JSON.stringify({ ...stamp, ...note }) });
    },

    async notes(limit) {
      const rows = await read("select note from notes order by id desc limit $limit", { limit });
      return rows.map(({ note }) => JSON.parse(String(note)) as Note);
    },

    async close() {},
  };
}

/** One look per state, each along an index: `state in (…)` would have to sort every job to find the newest. */
function newestByState(states: number, ofRoute: boolean): string {
  const looks = Array.from({ length: states }, (_, index) => {
    const where = `s.state = $state${index} ${ofRoute ? "and s.route = $route" : ""} and s.seq < $before`;
    return `(${records} where ${where} order by s.seq desc limit $limit)`;
  });
  return `select * from (${looks.join(" union all ")}) looks order by seq desc limit $limit`;
}

const newestOfKey = `${records} where j.key = $key and ($route::text is null or s.route = $route) and s.seq < $before
  and s.state = any($states::text[]) order by s.seq desc limit $limit`;
