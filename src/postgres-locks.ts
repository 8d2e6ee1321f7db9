import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { Problem } from "./errors.ts";

export interface Locks {
  /** Runs work while no other session of this database holds the name. */
  alone<T>(name: string, work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** The class of these advisory locks, beside a hash of the name: two names with the same hash only wait for one another. */
const locked = 7_310_529;
const restMs = 50;

/**
 * Advisory locks on one connection that does nothing else: a process that dies, or is cut off for a minute, holds none
 * any more, and one that is only slow keeps its own. Within a session each lock may be had many times, so that callers of
 * one process have to keep their own order.
 */
export function createLocks(connect: () => Promise<Client>, closing: AbortSignal): Locks {
  let session: Promise<Client> | undefined;

  async function start(): Promise<Client> {
    const forget = () => {
      session = undefined;
    };
    try {
      const client = await connect();
      client.on("error", forget);
      client.on("end", forget);
      return client;
    } catch (error) {
      forget();
      throw error;
    }
  }

  return {
    async alone(name, work) {
      while (true) {
        if (closing.aborted) throw new Problem("shutting-down", "The database is closed");
        session ??= start();
        const client = await session.catch(() => undefined);
        // While the server is away nothing else can be written either: whoever waits learns it there.
        const isMine = client && (await ask(client, "pg_try_advisory_lock", name).catch(() => false));
        if (isMine) {
          try {
            return await work();
          } finally {
            // A session that is gone has given it back.
            await ask(client, "pg_advisory_unlock", name).catch(() => false);
          }
        }
        await sleep(restMs, undefined, { signal: closing }).catch(() => undefined);
      }
    },
    async close() {
      const client = await session?.catch(() => undefined);
      session = undefined;
      await client?.end();
    },
  };
}

async function ask(client: Client, verb: string, name: string): Promise<boolean> {
  const { rows } = await client.query(`select ${verb}($1::int4, hashtext($2)) as done`, [locked, name]);
  return rows[0].done === true;
}
