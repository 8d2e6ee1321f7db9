import type { Lane } from "../core/job.ts";
import { lanes } from "../core/job.ts";
import { Problem } from "../errors.ts";
import type { EngineChild } from "./engine-child.ts";
import { createEngineStarts, type EngineStarts, type EngineStartsOptions } from "./engine-starts.ts";

export interface ProcessLineOptions extends EngineStartsOptions {
  /** How many engine processes may live at once. */
  readonly processes: number;
}

export interface LineStats {
  readonly live: number;
  readonly busy: number;
  readonly waiting: number;
  /** Processes that died or were killed since the start. */
  readonly replaced: number;
}

/** A few engine processes and those who wait for one; interactive callers go before bulk. */
export interface ProcessLine {
  /** A process of one's own until it is released. Problems: shutting-down, and what keeps a process from starting. */
  acquire(lane: Lane, signal: AbortSignal | undefined): Promise<EngineChild>;
  /** Gives a process back, dead or alive, and waits until a dead one is gone. */
  release(child: EngineChild): Promise<void>;
  /** What processes that started said of themselves. */
  readonly facts: Pick<EngineStarts, "detector" | "confinement">;
  stats(): LineStats;
  /** Turns everybody away and ends every process. */
  close(): Promise<void>;
}

interface Waiter {
  resolve(child: EngineChild): void;
  reject(error: unknown): void;
}

const closing = () => new Problem("shutting-down", "The engine is closed");

/** Starts processes as they are wanted. */
export function createProcessLine(options: ProcessLineOptions): ProcessLine {
  const { processes, memoryMb } = options;
  const starts = createEngineStarts(options);
  const all = new Set<EngineChild>();
  const idle: EngineChild[] = [];
  const waiting: Record<Lane, Waiter[]> = { interactive: [], bulk: [] };
  let starting = 0;
  let replaced = 0;
  let closed = false;

  async function start(): Promise<EngineChild> {
    starting++;
    try {
      return await starts.start({
        // Nothing is counted for a process that the system refuses at once.
        begun(child, instead) {
          all.add(child);
          if (instead !== undefined) all.delete(instead);
          if (closed) void discard(child);
        },
        failed: discard,
        closed: () => closed,
      });
    } catch (error) {
      throw closed ? closing() : error;
    } finally {
      starting--;
    }
  }

  async function discard(child: EngineChild): Promise<void> {
    all.delete(child);
    await child.stop();
  }

  function idleChild(): EngineChild | undefined {
    for (let child = idle.pop(); child !== undefined; child = idle.pop()) {
      if (child.alive) return child;
      // It died between two pictures: nobody's attempt is spent on it.
      replaced++;
      void discard(child);
    }
    return undefined;
  }

  /** Gives free processes, or new ones while there is room, to whoever waits. */
  function serve(): void {
    for (const lane of lanes) {
      while (waiting[lane].length > 0) {
        const child = idleChild();
        if (child === undefined && all.size >= processes) return;
        const waiter = waiting[lane].shift()!;
        if (child !== undefined) waiter.resolve(child);
        else {
          start().then(waiter.resolve, (error) => {
            waiter.reject(error);
            serve();
          });
        }
      }
    }
  }

  async function release(child: EngineChild): Promise<void> {
    // Native allocators keep what a huge picture took; a fresh process gives it back.
    const bloated = child.residentBytes() > (memoryMb * 2 ** 20) / 2;
    if (child.alive && !bloated && !closed) idle.push(child);
    else {
      if (!child.alive) replaced++;
      await discard(child);
    }
    serve();
  }

  return {
    async acquire(lane, signal) {
      if (closed) throw closing();
      signal?.throwIfAborted();
      return new Promise((resolve, reject) => {
        let given = false;
        const settle = () => {
          given = true;
          signal?.removeEventListener("abort", abort);
        };
        const waiter: Waiter = {
          resolve(child) {
            // Given up while the process started: it goes to the next one.
            if (given) void release(child);
            else resolve(child);
            settle();
          },
          reject(error) {
            reject(error);
            settle();
          },
        };
        const abort = () => {
          waiting[lane] = waiting[lane].filter((other) => other !== waiter);
          waiter.reject(
            new Problem("shutting-down", "The wait for an engine process was given up", { cause: signal?.reason }),
          );
        };
        signal?.addEventListener("abort", abort, { once: true });
        waiting[lane].push(waiter);
        serve();
      });
    },
    release,
    facts: starts,
    stats: () => ({
      live: all.size,
      busy: all.size - idle.length - starting,
      waiting: waiting.interactive.length + waiting.bulk.length,
      replaced,
    }),
    async close() {
      closed = true;
      for (const lane of lanes) for (const waiter of waiting[lane].splice(0)) waiter.reject(closing());
      idle.length = 0;
      await Promise.all([...all].map(discard));
    },
  };
}
