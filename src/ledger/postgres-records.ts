import type { PostgresValue } from "../postgres.ts";
import { isPattern } from "./record-rows.ts";
import type { ErasureScope, RecordQuery } from "./seals.ts";

const ofEvent = `e.kind as event, e.at, e.detail, j.id, j.route, j.key, j.version, j.generation, j.lane, j.job,
  j.request_digest, j.admitted_at`;
const noEvent = `null as event, null as at, null as detail, null as id, null as route, null as key, null as version,
  null as generation, null as lane, null as job, null as request_digest, null as admitted_at`;

const kinds = ["event", "note", "erasure"] as const;
const lastSealed = (kind: string) => `coalesce((select max(seq) from seals where kind = '${kind}'), 0)`;

/** Whether anything committed has no number in the order yet. */
export const isAnyUnordered = `select ${kinds
  .map((kind) => `exists (select 1 from ${kind}s where seq is null)`)
  .join(" or ")} as any`;

/** Gives numbers to what is committed, `$limit` of each kind; to be run under the sealing lock. */
export const orderRecords = kinds.map(
  (kind) => `with u as (select id, row_number() over (order by id) as n
      from (select id from ${kind}s where seq is null order by id limit $limit) first_ones)
    update ${kind}s r set seq = (select coalesce(max(seq), 0) from ${kind}s) + u.n from u where r.id = u.id`,
);

/** Records behind the last sealed one of their kind, each kind in its order; at most `$limit` of each. */
export const unsealedRecords = kinds.map((kind) => {
  const from = {
    event: `${ofEvent}, null as text from events r join events e on e.seq = r.seq join jobs j on j.id = e.job_id`,
    note: `${noEvent}, r.note as text from notes r`,
    erasure: `${noEvent}, r.erasure as text from erasures r`,
  }[kind];
  return `select '${kind}' as kind, r.seq, null as commitments, ${from}
    where r.seq > ${lastSealed(kind)} order by r.seq limit $limit`;
});

export const unsealedCount = `select ${kinds
  .map(
    (kind) =>
      `(select count(*) from ${kind}s where seq > ${lastSealed(kind)}) + (select count(*) from ${kind}s where seq is null)`,
  )
  .join(" + ")} as records`;

/** Sealed rows with their records, where those are still there. */
export const sealedRecords = `select s.position, s.kind, s.seq, s.seed, s.commitments, s.leaf, s.chain,
    ${ofEvent}, coalesce(n.note, x.erasure) as text
  from seals s
  left join events e on s.kind = 'event' and e.seq = s.seq
  left join jobs j on j.id = e.job_id
  left join notes n on s.kind = 'note' and n.seq = s.seq
  left join erasures x on s.kind = 'erasure' and x.seq = s.seq`;

/** What must hold for a sealed record to be asked for; only what is asked, so that indexes serve it. */
export function recordConditions(query: RecordQuery): { sql: string; params: Record<string, PostgresValue> } {
  const { path, digest, since, until, outcomes } = query;
  const at = "coalesce(e.at, (n.note::json ->> 'at')::bigint, (x.erasure::json ->> 'at')::bigint)";
  const all = [
    ...(path === undefined ? [] : [isPattern(path) ? "j.key ~ $path" : `s.position in (${positionsOfKey})`]),
    ...(digest === undefined
      ? []
      : ["s.position in (select position from digests where digest = decode($digest, 'hex'))"]),
    ...(since === undefined ? [] : [`${at} >= $since`]),
    ...(until === undefined ? [] : [`${at} < $until`]),
    ...(outcomes === undefined ? [] : ["coalesce(e.kind, n.note::json ->> 'outcome') = any($outcomes::text[])"]),
  ];
  return {
    sql: all.map((one) => ` and ${one}`).join(""),
    params: {
      path: path === undefined ? null : wordOf(path),
      digest: digest ?? null,
      since: since ?? null,
      until: until ?? null,
      outcomes: outcomes ?? null,
    },
  };
}

const positionsOfKey = `select p.position from jobs k join events v on v.job_id = k.id
  join seals p on p.kind = 'event' and p.seq = v.seq where k.key = $path`;

/** Finished jobs, and notes, whose personal values may go; `$after` is the last one's id of the page before. */
export function erasableIds(scope: ErasureScope): readonly string[] {
  const finished = `s.state in ('done', 'copied', 'skipped', 'dead', 'superseded', 'redriven', 'approved', 'rejected',
      'removed', 'expired') and not s.erased`;
  const jobs = (condition: string) => `select j.id from jobs j join job_state s on s.job_id = j.id
    where ${finished} and ${condition} and j.id > $after order by j.id limit $limit`;
  if ("path" in scope) return [jobs(isPattern(scope.path) ? "j.key ~ $path" : "j.key = $path")];
  const notes = `select n.id, n.seq from notes n left join seals s on s.kind = 'note' and s.seq = n.seq
    where (n.note::json ->> 'at')::bigint < $before and s.commitments is null and n.id > $afterNote
    order by n.id limit $limit`;
  return [jobs("s.updated_at < $before"), notes];
}

/** A path as it is compared: a pattern (`*`, `?`, `[…]`) as the regular expression that means the same. */
export function wordOf(path: string): string {
  if (!isPattern(path)) return path;
  let word = "";
  for (let at = 0; at < path.length; at += 1) {
    const char = path[at]!;
    const end = char === "[" ? path.indexOf("]", path[at + 1] === "^" ? at + 3 : at + 2) : -1;
    if (char === "*") word += ".*";
    else if (char === "?") word += ".";
    else if (end > 0) {
      word += path.slice(at, end + 1).replaceAll("\\", "\\\\");
      at = end;
    } else word += char.replace(/[\\^$.|+(){}[\]]/, "\\$&");
  }
  return `^${word}$`;
}
