import { Problem } from "../errors.ts";
import type { Connection } from "./ftp-connect.ts";
import { statusOf } from "./ftp-problem.ts";

export interface Pool {
  /** Lends a connection for as long as the work takes. One that was lost in it is not lent again. */
  lend<T>(work: (connection: Connection) => Promise<T>, options?: LendOptions): Promise<T>;
  close(): Promise<void>;
}

export interface LendOptions {
  /**
   * What is carried, for as long as somebody else reads or writes. One connection at least is left to all else: of a copy
   * within the store neither side would end without the other.
   */
  readonly carries?: Carries;
}

type Carries = "out" | "in" | "nothing";

export interface PoolOptions {
  readonly name: string;
  readonly open: () => Promise<Connection>;
  readonly most: number;
  /** How long a connection that nobody uses is kept. */
  readonly keepMs: number;
  /** How long one waits for those that others have. */
  readonly waitMs: number;
}

interface Waiter {
  readonly carries: Carries;
  readonly begin: () => void;
}

/** Connections that are made when they are needed and end when they are not. */
export function createPool({ name, open, most, keepMs, waitMs }: PoolOptions): Pool {
  const idle: { readonly connection: Connection; readonly timer: NodeJS.Timeout }[] = [];
  const lent = new Set<Connection>();
  const waiting: Waiter[] = [];
  const carried = { out: 0, in: 0, nothing: 0 };
  let isClosed = false;

  function hasRoom(carries: Carries): boolean {
    const busy = carried.out + carried.in + carried.nothing;
    return busy < most && (carries === "nothing" || carried[carries] < most - 1);
  }

  function end(carries: Carries): void {
    carried[carries] -= 1;
    const next = waiting.findIndex((waiter) => hasRoom(waiter.carries));
    if (next >= 0) waiting.splice(next, 1)[0]?.begin();
  }

  async function turn(carries: Carries): Promise<void> {
    if (hasRoom(carries)) {
      carried[carries] += 1;
    } else {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const begin = () => {
        carried[carries] += 1;
        resolve();
      };
      const waiter = { carries, begin };
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(waiter), 1);
        reject(new Problem("store-unavailable", `All ${most} connections of ${name} were in use for ${waitMs} ms`));
      }, waitMs);
      waiting.push(waiter);
      await promise.finally(() => clearTimeout(timer));
    }
  }

  function kept(): Connection | undefined {
    for (let one = idle.pop(); one !== undefined; one = idle.pop()) {
      clearTimeout(one.timer);
      // Its server may have ended it.
      if (!one.connection.client.closed) return one.connection;
    }
    return undefined;
  }

  function keep(connection: Connection): void {
    if (isClosed || connection.client.closed) return void connection.client.close();
    const drop = () => {
      idle.splice(
        idle.findIndex((one) => one.connection === connection),
        1,
      );
      connection.client.close();
    };
    idle.push({ connection, timer: setTimeout(drop, keepMs) });
  }

  return {
    async lend<T>(work: (connection: Connection) => Promise<T>, options: LendOptions = {}) {
      const { carries = "nothing" } = options;
      await turn(carries);
      let connection: Connection | undefined;
      try {
        if (isClosed) throw new Problem("store-unavailable", `The store ${name} is closed`);
        connection = kept() ?? (await open());
        lent.add(connection);
        const result: T = await work(connection);
        lent.delete(connection);
        keep(connection);
        return result;
      } catch (error) {
        if (connection !== undefined) {
          lent.delete(connection);
          if (statusOf(error) === "lost") connection.client.close();
          else keep(connection);
        }
        throw error;
      } finally {
        end(carries);
      }
    },

    async close() {
      isClosed = true;
      for (const { connection, timer } of idle.splice(0)) {
        clearTimeout(timer);
        connection.client.close();
      }
      for (const connection of lent) connection.client.close();
    },
  };
}
