import { randomUUID } from "node:crypto";
import { type Bell, createBell } from "../bell.ts";
import { type Job, type Lane, maxJobBytes } from "../core/job.ts";
import { Problem } from "../errors.ts";
import type { Row, Sqlite, SqlValue } from "../sqlite.ts";
import { lend } from "./lend.ts";
import type { Delivery, Queue } from "./queue.ts";

export interface SqliteQueueOptions {
  /** Whoever opened it closes it. */
  readonly sqlite: Sqlite;
  /** How long a dead process keeps its jobs. A live one renews long before. */
  readonly leaseMs?: number;
  /** How late a retry, an expired lease or another process's job may be noticed. */
  readonly pollMs?: number;
}

const tables = [
  `create table queue (
     seq integer primary key autoincrement,
     job_id text not null unique,
     lane text not null,
     job text not null,
     due_at integer not null, -- may be lent from then on, 0: now; of a lent job: when its lease runs out
     lease text
   ) strict;
   create index queue_due on queue (lane, due_at);`,
  `alter table queue add column route text generated always as (job ->> 'route') virtual;
   create index queue_route on queue (lane, route, due_at);`,
];

/** What was lent before and is due, and what never was, each in its order. */
const nextOf = (which: string) => `
  select seq from (select seq from queue where ${which} and due_at between 1 and $now order by due_at, seq limit $most)
  union all
  select seq from (select seq from queue where ${which} and due_at = 0 order by seq limit $most)`;
/** The next jobs of a lane. */
const next = nextOf("lane = $lane");
/** Of the routes that are not paused: along the index, route by route, never past the many jobs of a paused one. */
const nextUnpaused = `with recursive routes (route) as (
    select min(route) from queue where lane = $lane
    union all
    select (select min(route) from queue where lane = $lane and route > routes.route) from routes where route is not null)
  select q.seq from routes r join queue q on q.seq in (${nextOf("lane = $lane and route = r.route")})
  where r.route is not null and r.route not in (select value from json_each($paused))`;

interface Loan extends Delivery {
  readonly lease: string;
  expiresAt: number;
  /** Ends the loan without settling it. */
  lose(): void;
}

/** A durable queue in one SQLite file, for any number of processes on one machine. The row goes with the ack. */
export async function createSqliteQueue(options: SqliteQueueOptions): Promise<Queue> {
  const { sqlite, leaseMs = 15_000, pollMs = 250 } = options;
  await sqlite.migrate("queue", tables);
  const loans = new Set<Loan>();
  const bells = new Map<Bell, Lane>();
  const closed = new AbortController();
  const instance = randomUUID();
  let takes = 0;
  let renewing = false;
  // Five chances before a lease runs out.
  const heartbeat = setInterval(renew, leaseMs / 5);

  async function write(sql: string, params: Record<string, SqlValue>): Promise<readonly Row[]> {
    const [rows] = await sqlite.write([{ sql, params }]);
    return rows!;
  }

  function ring(lane: Lane): void {
    for (const [bell, its] of bells) if (its === lane) bell.ring();
  }

  async function take(
    lane: Lane,
    count: number,
    ended: () => void,
    { paused, freshFirst }: { readonly paused: readonly string[]; readonly freshFirst: boolean },
  ): Promise<readonly Loan[]> {
    if (closed.signal.aborted) return [];
    const now = Date.now();
    takes += 1;
    const lease = `${instance}/${takes}`;
    const mine = [...loans].map((loan) => loan.lease);
    const rows = await write(
      `update queue set lease = $lease, due_at = $expiresAt where seq in (
         select seq from queue where seq in (${paused.length === 0 ? next : nextUnpaused})
           -- What is in work here is renewed here: a clock that jumps must not lend it twice.
           and (lease is null or lease not in (select value from json_each($mine)))
         order by (due_at = 0) <> $freshFirst, due_at, seq limit $count)
       returning seq, job`,
      {
        ...{ lane, lease, count, now, expiresAt: now + leaseMs, freshFirst: Number(freshFirst) },
        ...{ mine: JSON.stringify(mine), paused: JSON.stringify(paused), most: count + mine.length },
      },
    );
    // `close` gave these back while they were on their way.
    if (closed.signal.aborted) return [];
    const inOrder = rows.toSorted((a, b) => Number(a.seq) - Number(b.seq));
    return inOrder.map(({ job }) => lendOut(JSON.parse(String(job)) as Job, lane, lease, now + leaseMs, ended));
  }

  function lendOut(job: Job, lane: Lane, lease: string, expiresAt: number, ended: () => void): Loan {
    const lost = new AbortController();
    const loan: Loan = {
      job,
      lease,
      expiresAt,
      signal: lost.signal,
      ack: () => settle("delete from queue"),
      deadLetter: () => settle("delete from queue"),
      async retry(delayMs) {
        await settle("update queue set lease = null, due_at = $dueAt", Date.now() + delayMs);
        ring(lane);
      },
      lose() {
        if (!loans.delete(loan)) return;
        lost.abort(lostProblem(job));
        ended();
      },
    };
    loans.add(loan);
    return loan;

    async function settle(change: string, dueAt = 0): Promise<void> {
      let settled: readonly Row[] = [];
      if (loans.delete(loan)) {
        const still = "where job_id = $id and lease = $lease returning job_id";
        settled = await write(`${change} ${still}`, { id: job.id, lease, dueAt }).finally(ended);
      }
      if (settled.length > 0) return;
      lost.abort(lostProblem(job));
      throw lostProblem(job);
    }
  }

  /** A process that slept past its leases learns here whether they are still its own. */
  async function renew(): Promise<void> {
    const held = [...loans];
    const now = Date.now();
    if (renewing) {
      for (const loan of held) if (loan.expiresAt <= now) loan.lose();
      return;
    }
    if (held.length === 0) return;
    renewing = true;
    try {
      const expiresAt = now + leaseMs;
      const rows = await write(
        `update queue set due_at = $expiresAt from json_each($held) h
         where queue.job_id = h.value ->> 0 and queue.lease = h.value ->> 1 returning queue.job_id, queue.lease`,
        { expiresAt, held: JSON.stringify(held.map(({ job, lease }) => [job.id, lease])) },
      );
      const renewed = new Set(rows.map((row) => `${row.job_id} ${row.lease}`));
      for (const loan of held) {
        if (renewed.has(`${loan.job.id} ${loan.lease}`)) loan.expiresAt = expiresAt;
        else loan.lose();
      }
    } catch {
      // The next beat tries again; the lease runs out meanwhile, and `lose` says so.
      for (const loan of held) if (loan.expiresAt <= Date.now()) loan.lose();
    } finally {
      renewing = false;
    }
  }

  async function giveBack(given: readonly Delivery[]): Promise<void> {
    const held = [...loans].filter((loan) => given.includes(loan));
    if (held.length === 0) return;
    for (const loan of held) loan.lose();
    await write(
      `update queue set lease = null, due_at = 0 from json_each($held) h
       where queue.job_id = h.value ->> 0 and queue.lease = h.value ->> 1`,
      { held: JSON.stringify(held.map(({ job, lease }) => [job.id, lease])) },
    );
  }

  return {
    async publish(jobs, lane) {
      for (const { id, input } of jobs.filter((job) => Buffer.byteLength(JSON.stringify(job)) > maxJobBytes)) {
        const detail = `Expected at most ${maxJobBytes} bytes for job ${id} (key of ${input.key.length} characters)`;
        throw new Problem("invalid-request", detail);
      }
      await write(
        `insert into queue (job_id, lane, job, due_at)
         select value ->> 'id', $lane, value, 0 from json_each($jobs) where true on conflict do nothing`,
        { lane, jobs: JSON.stringify(jobs) },
      );
      ring(lane);
    },

    async *consume({ lane, prefetch, signal, paused = () => [] }) {
      const bell = createBell();
      bells.set(bell, lane);
      const stop = AbortSignal.any([signal, closed.signal]);
      // What comes again takes turns with what is new: a long import starves no retry, and many retries no import.
      let freshFirst = false;
      try {
        yield* lend({
          take(count, ended) {
            freshFirst = !freshFirst;
            return take(lane, count, ended, { paused: paused(), freshFirst });
          },
          giveBack,
          bell,
          pollMs,
          prefetch,
          signal: stop,
        });
      } finally {
        bells.delete(bell);
      }
    },

    async depth(lane) {
      const [rows] = await sqlite.read([
        { sql: "select count(*) as jobs from queue where lane = $lane", params: { lane } },
      ]);
      return Number(rows![0]!.jobs);
    },

    async close() {
      closed.abort();
      clearInterval(heartbeat);
      for (const loan of [...loans]) loan.lose();
      // What is still lent goes back now, so that the next start need not wait for leases to run out.
      await write("update queue set lease = null, due_at = 0 where lease glob $mine", { mine: `${instance}/*` });
    },
  };
}

function lostProblem({ id }: Job): Problem {
  return new Problem("lease-lost", `The lease of job ${id} was lost`);
}
