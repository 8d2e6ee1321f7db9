import { randomUUID } from "node:crypto";
import type { Statement } from "../sqlite.ts";
import type { JsonObject } from "./canonical.ts";
import type { Erasure } from "./seals.ts";

/**
 * Takes personal values out of these records, all or none of a job or note: one that moved on meanwhile stays as it is.
 * The last statement but one answers how many records it were.
 */
export function erasureStatements(erasures: readonly Erasure[], note: JsonObject): readonly Statement[] {
  const erasure = randomUUID();
  return [
    { sql: "insert into erasing values (1)" },
    ...erasures.flatMap((one) => statementsOf(one, erasure)),
    {
      sql: `insert into erasures (erasure)
        select json_set($note, '$.id', $erasure, '$.records', n.records)
        from (select count(*) as records from seals
          where position in (select value from json_each($positions)) and erasure = $erasure) n
        where n.records > 0 returning erasure ->> 'records' as records`,
      params: {
        erasure,
        note: JSON.stringify(note),
        positions: JSON.stringify(erasures.flatMap(({ records }) => records.map(({ position }) => position))),
      },
    },
    { sql: "delete from erasing" },
  ];
}

function statementsOf({ job, records }: Erasure, erasure: string): readonly Statement[] {
  const positions = JSON.stringify(records.map(({ position }) => position));
  const seals = records.map(({ position, commitments }) => [position, JSON.stringify(commitments)]);
  const untouched = `not exists (select 1 from seals where position in (select value from json_each($positions))
    and erasure is not null and erasure is not $erasure)`;
  // A job that got another event meanwhile, as a dead letter that is sent back does, is not what was looked at.
  const same = job ? "and (select count(*) from events where job_id = $id) = json_array_length($positions)" : "";
  const marked = `(select erasure from seals where position = $position) is $erasure`;
  return [
    {
      sql: `update seals set seed = null, erasure = $erasure,
          commitments = (select value ->> 1 from json_each($seals) where value ->> 0 = position)
        where position in (select value from json_each($positions)) and ${untouched} ${same}`,
      params: { erasure, positions, seals: JSON.stringify(seals), id: job?.id ?? null },
    },
    ...(job === undefined ? [] : jobStatements(job, records[0]!.position, erasure)),
    ...records.flatMap(({ kind, seq, position, body }) => {
      const table = kind === "event" ? { name: "events", column: "detail" } : { name: "notes", column: "note" };
      const value = JSON.stringify(kind === "event" ? body.detail : body);
      return [
        {
          sql: `update ${table.name} set ${table.column} = $value where seq = $seq and ${marked}`,
          params: { value, seq, position, erasure },
        },
        {
          sql: `update job_state set last = $value where $kind = 'event' and job_state.seq = $seq and ${marked}
            and job_id = (select job_id from events where seq = $seq)`,
          params: { value, seq, position, erasure, kind },
        },
        {
          sql: `delete from digests where position = $position and original = 1 and ${marked}`,
          params: { position, erasure },
        },
      ];
    }),
  ];
}

function jobStatements(job: NonNullable<Erasure["job"]>, position: number, erasure: string): readonly Statement[] {
  const { generation: _, ...rest } = job;
  return [
    {
      sql: `update jobs set key = $key, version = $version, job = $job, request_digest = null, erased_at = $now
        where id = $id and (select erasure from seals where position = $position) is $erasure`,
      params: {
        ...{ id: job.id, key: job.input.key, version: job.input.version, job: JSON.stringify(rest) },
        ...{ now: Date.now(), position, erasure },
      },
    },
    {
      sql: `delete from regions where job_id = $id and (select erasure from seals where position = $position) is $erasure`,
      params: { id: job.id, position, erasure },
    },
  ];
}
