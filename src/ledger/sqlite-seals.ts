import { randomUUID } from "node:crypto";
import type { Job } from "../core/job.ts";
import type { Row, Sqlite, SqlValue } from "../sqlite.ts";
import { canonical } from "./canonical.ts";
import { chainStart, recordKinds } from "./chain.ts";
import type { Head } from "./head.ts";
import { createNodeReader, digestsOf, lowestKept } from "./kept-tree.ts";
import { toFound, toRecord } from "./record-rows.ts";
import type { Erasable, Seals } from "./seals.ts";
import { erasureStatements } from "./sqlite-erasure.ts";
import { erasableIds, recordConditions, sealedRecords, unsealedRecords } from "./sqlite-records.ts";
import { ledgerTables } from "./sqlite-tables.ts";

const ofLast = "where position = (select max(position) from seals)";

/** The chain over a ledger in the same SQLite file. */
export async function createSqliteSeals(sqlite: Sqlite): Promise<Seals> {
  await sqlite.migrate("ledger", ledgerTables);

  async function rowsOf(sql: string, params: Record<string, SqlValue> = {}): Promise<readonly Row[]> {
    const [rows] = await sqlite.read([{ sql, params }]);
    return rows!;
  }

  const node = createNodeReader({
    async kept(level, place) {
      const sql = "select lower(hex(hash)) as hash from tree where level = $level and place = $place";
      const [row] = await rowsOf(sql, { level, place });
      return row && String(row.hash);
    },
    async leaves(from, width) {
      const rows = await rowsOf(
        "select lower(hex(leaf)) as leaf from seals where position >= $from and position < $from + $width order by position",
        { from, width },
      );
      return rows.map(({ leaf }) => String(leaf));
    },
  });

  return {
    node,

    async state() {
      const [last, heads] = await sqlite.read([
        { sql: `select position, lower(hex(chain)) as chain from seals ${ofLast}` },
        { sql: "select head from heads where size = (select max(size) from heads)" },
      ]);
      const [seal] = last!;
      const [head] = heads!;
      return {
        size: seal === undefined ? 0 : Number(seal.position) + 1,
        chain: seal === undefined ? chainStart : String(seal.chain),
        ...(head && { head: JSON.parse(String(head.head)) as Head }),
      };
    },

    async unsealed(limit) {
      const kinds = await sqlite.read(unsealedRecords.map((sql) => ({ sql, params: { limit } })));
      return kinds.flat().slice(0, limit).map(toRecord);
    },

    async countUnsealed() {
      const counts = recordKinds.map(
        (kind) =>
          `(select count(*) from ${kind}s where seq > coalesce((select max(seq) from seals where kind = '${kind}'), 0))`,
      );
      const [row] = await rowsOf(`select ${counts.join(" + ")} as records`);
      return Number(row!.records);
    },

    async seal({ after, records, nodes, head, publicKey }, lease) {
      const batch = randomUUID();
      const params = {
        ...{ batch, size: after.size, chain: after.chain, start: chainStart },
        ...{ holder: lease?.holder ?? null, now: lease?.now ?? 0, until: lease?.until ?? 0 },
      };
      const mine = "(select batch from sealing where one = 1) = $batch";
      const [won] = await sqlite.write([
        {
          sql: `update sealing set batch = $batch, holder = coalesce($holder, holder),
              held_until = case when $holder is null then held_until else $until end
            where one = 1 and ($holder is null or holder is $holder or holder is null or held_until < $now)
              and coalesce((select max(position) + 1 from seals), 0) = $size
              and coalesce((select lower(hex(chain)) from seals ${ofLast}), $start) = $chain
            returning one`,
          params,
        },
        {
          sql: `insert into seals (position, kind, seq, seed, leaf, chain)
            select value ->> 0, value ->> 1, value ->> 2, unhex(value ->> 3), unhex(value ->> 4), unhex(value ->> 5)
            from json_each($rows) where ${mine}`,
          params: {
            batch,
            rows: JSON.stringify(
              records.map(({ position, kind, seq, seed, leaf, chain }) => [position, kind, seq, seed, leaf, chain]),
            ),
          },
        },
        {
          sql: `insert into digests select unhex(value ->> 0), value ->> 1, value ->> 2 from json_each($rows)
            where ${mine} on conflict do nothing`,
          params: { batch, rows: JSON.stringify(records.flatMap(digestsOf)) },
        },
        {
          sql: `insert or replace into tree select value ->> 0, value ->> 1, unhex(value ->> 2) from json_each($rows)
            where ${mine}`,
          params: {
            batch,
            rows: JSON.stringify(
              nodes.filter(({ level }) => level >= lowestKept).map(({ level, place, hash }) => [level, place, hash]),
            ),
          },
        },
        {
          sql: `insert into heads select $size, $head where ${mine}`,
          params: { batch, size: head.size, head: canonical({ ...head }) },
        },
        {
          sql: `insert into head_keys select $id, $publicKey where ${mine} on conflict do nothing`,
          params: { batch, id: head.keyId, publicKey },
        },
      ]);
      return won!.length > 0;
    },

    async release(holder) {
      const sql = "update sealing set holder = null, held_until = 0 where one = 1 and holder = $holder";
      await sqlite.write([{ sql, params: { holder } }]);
    },

    async sealed(from, limit, query = {}) {
      const conditions = recordConditions(query);
      const rows = await rowsOf(
        `${sealedRecords} where s.position >= $from ${conditions.sql} order by s.position limit $limit`,
        { ...conditions.params, from, limit },
      );
      return rows.map(toFound);
    },

    async countUpTo(seq) {
      const counts = recordKinds.map((kind) => `(select count(*) from ${kind}s where seq <= $${kind}) as ${kind}`);
      const [row] = await rowsOf(`select ${counts.join(", ")}`, { ...seq });
      return { event: Number(row!.event), note: Number(row!.note), erasure: Number(row!.erasure) };
    },

    async heads(aboveSize, limit) {
      const sql = "select head from heads where size > $aboveSize order by size limit $limit";
      const rows = await rowsOf(sql, { aboveSize, limit });
      return rows.map(({ head }) => JSON.parse(String(head)) as Head);
    },

    async publicKeys() {
      const rows = await rowsOf("select public_key from head_keys order by id");
      return rows.map(({ public_key }) => String(public_key));
    },

    async erasable(scope, after, limit) {
      // Jobs come first; their ids are hexadecimal, so that a note's cursor is none of them.
      const [, afterNote] = /^note:(\d+)$/.exec(after) ?? [];
      const [jobs, notes] = erasableIds(scope);
      const params = { ...scope, after, afterNote: Number(afterNote ?? 0), limit };
      const found: Erasable[] = [];
      for (const { id } of afterNote === undefined ? await rowsOf(jobs!, params) : []) {
        const [jobRows, events, records] = await sqlite.read(
          [
            "select job, generation from jobs where id = $id",
            "select count(*) as events from events where job_id = $id",
            `${sealedRecords} where e.job_id = $id order by s.position`,
          ].map((sql) => ({ sql, params: { id: id! } })),
        );
        const [row] = jobRows!;
        const job = { ...(JSON.parse(String(row!.job)) as Job), generation: Number(row!.generation) };
        const isSealed = Number(events![0]!.events) === records!.length;
        found.push({ cursor: String(id), job, records: records!.map(toFound), isSealed });
      }
      if (found.length > 0 || notes === undefined) return found;
      for (const { seq } of await rowsOf(notes, params)) {
        const records = await rowsOf(`${sealedRecords} where s.kind = 'note' and s.seq = $seq`, { seq: seq! });
        found.push({ cursor: `note:${seq}`, records: records.map(toFound), isSealed: records.length === 1 });
      }
      return found;
    },

    async compact() {
      await sqlite.compact();
      return true;
    },

    async erase(erasures, note) {
      const answers = await sqlite.write(erasureStatements(erasures, note));
      return Number(answers.at(-2)?.[0]?.records ?? 0);
    },
  };
}
