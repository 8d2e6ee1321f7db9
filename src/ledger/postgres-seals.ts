import type { Job } from "../core/job.ts";
import type { Ask, Postgres, PostgresRow } from "../postgres.ts";
import { canonical } from "./canonical.ts";
import { chainStart } from "./chain.ts";
import type { Head } from "./head.ts";
import { createNodeReader, digestsOf, lowestKept } from "./kept-tree.ts";
import { eraseRecords } from "./postgres-erasure.ts";
import {
  erasableIds,
  isAnyUnordered,
  orderRecords,
  recordConditions,
  sealedRecords,
  unsealedCount,
  unsealedRecords,
  wordOf,
} from "./postgres-records.ts";
import { postgresTables } from "./postgres-tables.ts";
import { postgresNow } from "./postgres-writes.ts";
import { toFound, toRecord } from "./record-rows.ts";
import type { Erasable, SealBatch, Seals } from "./seals.ts";

const again = { again: true };
const lastChain = "select encode(chain, 'hex') as chain, position from seals order by position desc limit 1";

/** The chain over a ledger in the same PostgreSQL database. */
export async function createPostgresSeals(postgres: Postgres): Promise<Seals> {
  await postgres.migrate("ledger", postgresTables);
  const read: typeof postgres.ask = (sql, params) => postgres.ask(sql, params, again);

  return {
    node: createNodeReader({
      async kept(level, place) {
        const sql = "select encode(hash, 'hex') as hash from tree where level = $level and place = $place";
        const [row] = await read(sql, { level, place });
        return row && String(row.hash);
      },
      async leaves(from, width) {
        const rows = await read(
          `select encode(leaf, 'hex') as leaf from seals
            where position >= $from and position < $from + $width::bigint order by position`,
          { from, width },
        );
        return rows.map(({ leaf }) => String(leaf));
      },
    }),

    state: () =>
      postgres.snapshot(async (ask) => {
        const [seal] = await ask(lastChain);
        const [head] = await ask("select head from heads order by size desc limit 1");
        return {
          size: seal === undefined ? 0 : Number(seal.position) + 1,
          chain: seal === undefined ? chainStart : String(seal.chain),
          ...(head && { head: JSON.parse(String(head.head)) as Head }),
        };
      }),

    async unsealed(limit) {
      const [unordered] = await read(isAnyUnordered);
      if (unordered!.any === true) {
        await postgres.transaction(async (ask) => {
          await lockSealing(ask);
          for (const sql of orderRecords) await ask(sql, { limit });
        }, again);
      }
      return postgres.snapshot(async (ask) => {
        const found: PostgresRow[] = [];
        for (const sql of unsealedRecords) {
          if (found.length < limit) found.push(...(await ask(sql, { limit })));
        }
        return found.slice(0, limit).map(toRecord);
      });
    },

    async countUnsealed() {
      const [row] = await read(unsealedCount);
      return Number(row!.records);
    },

    seal: (batch, lease) =>
      postgres.transaction(async (ask) => {
        await lockSealing(ask);
        const { holder = null, now = 0, until = 0 } = lease ?? {};
        const params = {
          holder,
          ttl: until - now,
          size: batch.after.size,
          chain: batch.after.chain,
          start: chainStart,
        };
        const [mine] = await ask(
          `update sealing set holder = coalesce($holder, holder),
              held_until = case when $holder::text is null then held_until else ${postgresNow} + $ttl::bigint end
            where ($holder::text is null or holder = $holder or holder is null
                or held_until not between ${postgresNow} and ${postgresNow} + 2 * $ttl::bigint)
              and coalesce((select max(position) + 1 from seals), 0) = $size
              and coalesce((select chain from (${lastChain}) l), $start) = $chain
            returning one`,
          params,
        );
        if (mine === undefined) return false;
        await writeBatch(ask, batch);
        return true;
      }, again),

    async release(holder) {
      await read("update sealing set holder = null, held_until = 0 where holder = $holder", { holder });
    },

    async sealed(from, limit, query = {}) {
      const conditions = recordConditions(query);
      const rows = await read(
        `${sealedRecords} where s.position >= $from ${conditions.sql} order by s.position limit $limit`,
        { ...conditions.params, from, limit },
      );
      return rows.map(toFound);
    },

    async countUpTo({ event, note, erasure }) {
      const [row] = await read(
        `select (select count(*) from events where seq <= $event) as event,
          (select count(*) from notes where seq <= $note) as note,
          (select count(*) from erasures where seq <= $erasure) as erasure`,
        { event, note, erasure },
      );
      return { event: Number(row!.event), note: Number(row!.note), erasure: Number(row!.erasure) };
    },

    async heads(aboveSize, limit) {
      const sql = "select head from heads where size > $aboveSize order by size limit $limit";
      const rows = await read(sql, { aboveSize, limit });
      return rows.map(({ head }) => JSON.parse(String(head)) as Head);
    },

    async publicKeys() {
      const rows = await read("select public_key from head_keys order by id");
      return rows.map(({ public_key }) => String(public_key));
    },

    erasable: (scope, after, limit) =>
      postgres.snapshot(async (ask) => {
        // Jobs come first; their ids are hexadecimal, so that a note's cursor is none of them.
        const [, afterNote] = /^note:(\d+)$/.exec(after) ?? [];
        const [jobs, notes] = erasableIds(scope);
        const params =
          "path" in scope ? { path: wordOf(scope.path), after, limit } : { before: scope.before, after, limit };
        const found: Erasable[] = [];
        for (const { id } of afterNote === undefined ? await ask(jobs!, params) : []) {
          const [row] = await ask("select job, generation from jobs where id = $id", { id: id! });
          const [events] = await ask("select count(*) as events from events where job_id = $id", { id: id! });
          const records = await ask(`${sealedRecords} where e.job_id = $id order by s.position`, { id: id! });
          const job = { ...(JSON.parse(String(row!.job)) as Job), generation: Number(row!.generation) };
          const isSealed = events!.events === records.length;
          found.push({ cursor: String(id), job, records: records.map(toFound), isSealed });
        }
        if (found.length > 0 || notes === undefined || !("before" in scope)) return found;
        const { before } = scope;
        for (const { id, seq } of await ask(notes, { before, afterNote: Number(afterNote ?? 0), limit })) {
          const records = await ask(`${sealedRecords} where s.kind = 'note' and s.seq = $seq`, { seq: seq! });
          found.push({ cursor: `note:${id}`, records: records.map(toFound), isSealed: records.length === 1 });
        }
        return found;
      }),

    erase: (erasures, note) =>
      postgres.transaction(async (ask) => {
        await lockSealing(ask);
        return eraseRecords(ask, erasures, note);
      }),

    compact: () => postgres.rewrite(["jobs", "events", "regions", "notes", "job_state", "seals", "digests"]),
  };
}

/** Until the transaction ends: what follows sees everything that others committed under it. */
async function lockSealing(ask: Ask): Promise<void> {
  await ask("select one from sealing for update");
}

async function writeBatch(ask: Ask, { records, nodes, head, publicKey }: SealBatch): Promise<void> {
  const rows = (values: readonly object[]) => ({ rows: JSON.stringify(values) });
  await ask(
    `insert into seals (position, kind, seq, seed, leaf, chain)
      select position, kind, seq, decode(seed, 'hex'), decode(leaf, 'hex'), decode(chain, 'hex')
      from json_to_recordset($rows::json) as r (position bigint, kind text, seq bigint, seed text, leaf text, chain text)`,
    rows(
      records.map(({ position, kind, seq, seed = null, leaf, chain }) => ({ position, kind, seq, seed, leaf, chain })),
    ),
  );
  await ask(
    `insert into digests select decode(r.value ->> 0, 'hex'), (r.value ->> 1)::bigint, (r.value ->> 2)::int = 1
      from json_array_elements($rows::json) r on conflict do nothing`,
    rows(records.flatMap(digestsOf)),
  );
  await ask(
    `insert into tree select level, place, decode(hash, 'hex')
      from json_to_recordset($rows::json) as r (level integer, place bigint, hash text)
      on conflict (level, place) do update set hash = excluded.hash`,
    rows(nodes.filter(({ level }) => level >= lowestKept)),
  );
  await ask("insert into heads values ($size, $head)", { size: head.size, head: canonical({ ...head }) });
  await ask("insert into head_keys values ($id, $publicKey) on conflict do nothing", { id: head.keyId, publicKey });
}
