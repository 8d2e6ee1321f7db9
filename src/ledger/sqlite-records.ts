import type { SqlValue } from "../sqlite.ts";
import { isPattern } from "./record-rows.ts";
import type { ErasureScope, RecordQuery } from "./seals.ts";

const ofEvent = `e.kind as event, e.at, e.detail, j.id, j.route, j.key, j.version, j.generation, j.lane, j.job,
  j.request_digest, j.admitted_at`;
const noEvent = `null as event, null as at, null as detail, null as id, null as route, null as key, null as version,
  null as generation, null as lane, null as job, null as request_digest, null as admitted_at`;

/** Records behind the last sealed one of their kind, each kind in its order; at most `$limit` of each. */
export const unsealedRecords = (["event", "note", "erasure"] as const).map((kind) => {
  const from = {
    event: `${ofEvent}, null as text from events r join events e on e.seq = r.seq join jobs j on j.id = e.job_id`,
    note: `${noEvent}, r.note as text from notes r`,
    erasure: `${noEvent}, r.erasure as text from erasures r`,
  }[kind];
  return `select '${kind}' as kind, r.seq, null as commitments, ${from}
    where r.seq > coalesce((select max(seq) from seals where kind = '${kind}'), 0) order by r.seq limit $limit`;
});

/** Sealed rows with their records, where those are still there. */
export const sealedRecords = `select s.position, s.kind, s.seq, s.seed, s.commitments, s.leaf, s.chain,
    ${ofEvent}, coalesce(n.note, x.erasure) as text
  from seals s
  left join events e on s.kind = 'event' and e.seq = s.seq
  left join jobs j on j.id = e.job_id
  left join notes n on s.kind = 'note' and n.seq = s.seq
  left join erasures x on s.kind = 'erasure' and x.seq = s.seq`;

/** What must hold for a sealed record to be asked for; only what is asked, so that indexes serve it. */
export function recordConditions(query: RecordQuery): { sql: string; params: Record<string, SqlValue> } {
  const { path, digest, since, until, outcomes } = query;
  const at = "coalesce(e.at, n.note ->> 'at', x.erasure ->> 'at')";
  const all = [
    ...(path === undefined ? [] : [isPattern(path) ? "j.key glob $path" : `s.position in (${positionsOfKey})`]),
    ...(digest === undefined ? [] : ["s.position in (select position from digests where digest = unhex($digest))"]),
    ...(since === undefined ? [] : [`${at} >= $since`]),
    ...(until === undefined ? [] : [`${at} < $until`]),
    ...(outcomes === undefined
      ? []
      : ["coalesce(e.kind, n.note ->> 'outcome') in (select value from json_each($outcomes))"]),
  ];
  return {
    sql: all.map((one) => ` and ${one}`).join(""),
    params: {
      path: path ?? null,
      digest: digest ?? null,
      since: since ?? null,
      until: until ?? null,
      outcomes: outcomes === undefined ? null : JSON.stringify(outcomes),
    },
  };
}

// `cross`: in this order; the planner would begin with all seals.
const positionsOfKey = `select p.position from jobs k cross join events v on v.job_id = k.id
  cross join seals p on p.kind = 'event' and p.seq = v.seq where k.key = $path`;

/** Finished jobs, and notes, whose personal values may go; `$after` is the last one's id of the page before. */
export function erasableIds(scope: ErasureScope): readonly string[] {
  const finished =
    "+s.state in ('done', 'copied', 'skipped', 'dead', 'superseded', 'redriven', 'approved', 'rejected', 'removed', 'expired') and j.erased_at is null";
  // In the order of ids, along their index: a page costs no more than its rows (`+`: not along another one).
  const jobs = (condition: string) => `select j.id from jobs j join job_state s on s.job_id = j.id
    where ${finished} and ${condition} and j.id > $after order by j.id limit $limit`;
  if ("path" in scope) return [jobs(isPattern(scope.path) ? "j.key glob $path" : "j.key = $path")];
  const notes = `select n.seq from notes n left join seals s on s.kind = 'note' and s.seq = n.seq
    where n.note ->> 'at' < $before and s.commitments is null and n.seq > $afterNote order by n.seq limit $limit`;
  return [jobs("s.updated_at < $before"), notes];
}
