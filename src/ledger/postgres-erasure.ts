import { randomUUID } from "node:crypto";
import type { Ask } from "../postgres.ts";
import { canonical, type JsonObject } from "./canonical.ts";
import type { Erasure } from "./seals.ts";

/**
 * Within one transaction, under the sealing lock: takes personal values out of these records, all or none of a job or
 * note. One that moved on meanwhile stays as it is. Answers how many records it were.
 */
export async function eraseRecords(ask: Ask, erasures: readonly Erasure[], note: JsonObject): Promise<number> {
  const erasure = randomUUID();
  await ask("select set_config('veil.erasing', 'on', true)");
  let records = 0;
  for (const one of erasures) records += await eraseOne(ask, one, erasure);
  if (records > 0) {
    const params = { erasure: canonical({ ...note, id: erasure, records }) };
    await ask("insert into erasures (erasure) values ($erasure)", params);
  }
  return records;
}

async function eraseOne(ask: Ask, { job, records }: Erasure, erasure: string): Promise<number> {
  const positions = records.map(({ position }) => position);
  if (job !== undefined) {
    // Nothing follows on the job from here on: whoever waits for its row finds it erased.
    await ask("select 1 from job_state where job_id = $id for update", { id: job.id });
    const [row] = await ask("select count(*) as events from events where job_id = $id", { id: job.id });
    if (row!.events !== records.length) return 0;
  }
  const before = "select 1 from seals where position = any($positions::bigint[]) and erasure is not null limit 1";
  if ((await ask(before, { positions })).length > 0) return 0;
  await ask(
    `update seals s set seed = null, erasure = $erasure, commitments = r.commitments
      from json_to_recordset($rows::json) as r (position bigint, commitments text) where s.position = r.position`,
    {
      erasure,
      rows: JSON.stringify(
        records.map(({ position, commitments }) => ({ position, commitments: JSON.stringify(commitments) })),
      ),
    },
  );
  const events = records.filter(({ kind }) => kind === "event");
  const notes = records.filter(({ kind }) => kind === "note");
  const rowsOf = (some: typeof records, textOf: (body: JsonObject) => unknown) =>
    JSON.stringify(some.map(({ seq, body }) => ({ seq, value: JSON.stringify(textOf(body)) })));
  const from = "from json_to_recordset($rows::json) as r (seq bigint, value text)";
  if (events.length > 0) {
    const rows = rowsOf(events, ({ detail }) => detail);
    await ask(`update events e set detail = r.value ${from} where e.seq = r.seq`, { rows });
    await ask(
      `update job_state s set last = r.value ${from} join events e on e.seq = r.seq where s.seq = e.id and s.job_id = e.job_id`,
      { rows },
    );
  }
  if (notes.length > 0) {
    const rows = rowsOf(notes, (body) => body);
    await ask(`update notes n set note = r.value ${from} where n.seq = r.seq`, { rows });
  }
  await ask("delete from digests where position = any($positions::bigint[]) and original", { positions });
  if (job !== undefined) {
    const { generation: _, ...rest } = job;
    await ask("delete from regions where job_id = $id", { id: job.id });
    await ask("update job_state set erased = true where job_id = $id", { id: job.id });
    await ask(
      `update jobs set key = $key, version = $version, job = $job, request_digest = null, erased_at = $now where id = $id`,
      {
        ...{ id: job.id, key: job.input.key, version: job.input.version, job: JSON.stringify(rest) },
        now: Date.now(),
      },
    );
  }
  return records.length;
}
