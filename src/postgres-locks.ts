import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { Problem } from "./errors.ts";

export interface Locks {
  /**
   * Runs work while no other session of this database holds the name. Problems: `ledger-unavailable` where the server is
   * away for too long, `store-unavailable` where somebody else holds it for too long, and the work's own.
   */
  alone<T>(name: string, work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface LockTimes {
  /** How long a server that is away is waited for. */
  readonly awayMs: number;
  /** How long whoever holds the name is waited for. */
  readonly heldMs: number;
}

/** The class of these advisory locks, beside a hash of the name: two names with the same hash only wait for one another. */
const locked = 7_310_529;
const restMs = 50;

/**
 * Advisory locks on one connection that does nothing else: a process that dies, or is cut off for a minute, holds none
 * any more, and one that is only slow keeps its own. Within a session each lock may be had many times, so that callers of
 * one process have to keep their own order.
 */
export function createLocks(connect: () => Promise<Client>, closing: AbortSignal, times: LockTimes): Locks {
  let session: Promise<Client> | undefined;

  function forget(which: Promise<Client>): void {
    if (session === which) session = undefined;
    // What it holds goes with it: nobody knows whether an answer that was lost had been given.
    which.then((client) => client.end()).catch(() => {});
  }

  function connected(): Promise<Client> {
    if (session === undefined) {
      const mine = connect();
      session = mine;
      mine.then(
        (client) => client.on("end", () => session === mine && forget(mine)),
        () => forget(mine),
      );
    }
    return session;
  }

  /** Undefined: the session is gone, and with it all that it held. */
  async function ask(which: Promise<Client>, verb: string, name: string): Promise<boolean | undefined> {
    try {
      const client = await which;
      const { rows } = await client.query(`select ${verb}($1::int4, hashtext($2)) as done`, [locked, name]);
      return rows[0].done === true;
    } catch {
      forget(which);
      return undefined;
    }
  }

  return {
    async alone(name, work) {
      const began = performance.now();
      let answered = began;
      while (true) {
        if (closing.aborted) throw new Problem("shutting-down", "The database is closed");
        const mine = connected();
        const isMine = await ask(mine, "pg_try_advisory_lock", name);
        if (isMine) {
          try {
            return await work();
          } finally {
            await ask(mine, "pg_advisory_unlock", name);
          }
        }
        const now = performance.now();
        if (isMine !== undefined) answered = now;
        if (now - answered > times.awayMs)
          throw new Problem("ledger-unavailable", "The ledger's database gives no locks");
        if (now - began > times.heldMs) {
          throw new Problem("store-unavailable", `Another process has been writing to ${name} for long`, {
            remedy: "It is tried again. Does a disk or file server hang on one of the hosts?",
          });
        }
        await sleep(restMs, undefined, { signal: closing }).catch(() => undefined);
      }
    },
    async close() {
      const last = session;
      session = undefined;
      await last?.then((client) => client.end()).catch(() => {});
    },
  };
}
