import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Lane } from "../core/job.ts";
import { lanes } from "../core/job.ts";
import type { Anonymized, Medium, Opened } from "../core/media.ts";
import { Problem } from "../errors.ts";
import { type EngineChild, startEngineChild } from "./engine-child.ts";
import type { EngineSetup } from "./protocol.ts";

export interface PoolOptions extends EngineSetup {
  /** How many engine processes may live at once. */
  readonly processes: number;
  /** For each verb. */
  readonly deadlineMs: number;
  /** Resident size of one process. */
  readonly memoryMb: number;
}

export interface Pool extends Medium {
  /** Which detector the processes load; starts one if none has said so yet, and a missing model shows here. */
  detector(): Promise<{ readonly name: string; readonly digest: string }>;
  stats(): PoolStats;
  close(): Promise<void>;
}

export interface PoolStats {
  readonly live: number;
  readonly busy: number;
  readonly waiting: number;
  /** Processes that died or were killed since the start. */
  readonly replaced: number;
}

interface Waiter {
  resolve(child: EngineChild): void;
  reject(error: unknown): void;
}

/** A Medium whose pictures are each held by one of a few engine processes; interactive callers go before bulk. */
export function createPool(options: PoolOptions): Pool {
  const { processes, deadlineMs, spool, limits, model } = options;
  const maxResidentBytes = options.memoryMb * 2 ** 20;
  const all = new Set<EngineChild>();
  const idle: EngineChild[] = [];
  const waiting: Record<Lane, Waiter[]> = { interactive: [], bulk: [] };
  let starting = 0;
  let replaced = 0;
  let detector: { readonly name: string; readonly digest: string } | undefined;
  let closed = false;

  async function start(): Promise<EngineChild> {
    starting++;
    const child = startEngineChild({ maxResidentBytes });
    all.add(child);
    try {
      detector = await child.request({ verb: "setup", setup: { limits, spool, model } }, { deadlineMs });
      return child;
    } catch (error) {
      await discard(child);
      throw error;
    } finally {
      starting--;
    }
  }

  async function discard(child: EngineChild): Promise<void> {
    all.delete(child);
    await child.stop();
  }

  /** Gives free processes, or new ones while there is room, to whoever waits. */
  function serve(): void {
    for (const lane of lanes) {
      while (waiting[lane].length > 0) {
        const child = idle.pop();
        if (child !== undefined) waiting[lane].shift()!.resolve(child);
        else if (all.size < processes) {
          const waiter = waiting[lane].shift()!;
          start().then(waiter.resolve, (error) => {
            waiter.reject(error);
            serve();
          });
        } else return;
      }
    }
  }

  function acquire(lane: Lane, signal: AbortSignal | undefined): Promise<EngineChild> {
    if (closed) throw new Problem("shutting-down", "The engine is closed");
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
  }

  async function release(child: EngineChild): Promise<void> {
    // Native allocators keep what a huge picture took; a fresh process gives it back.
    const bloated = child.residentBytes() > maxResidentBytes / 2;
    if (child.alive && !bloated && !closed) idle.push(child);
    else {
      if (!child.alive) replaced++;
      await discard(child);
    }
    serve();
  }

  return {
    async open(path, { signal, lane = "bulk" } = {}) {
      const child = await acquire(lane, signal);
      const request = { deadlineMs, ...(signal && { signal }) };
      const rendered: string[] = [];
      let open = true;
      const close = async () => {
        if (!open) return;
        open = false;
        try {
          if (child.alive) await child.request({ verb: "close" }, { deadlineMs });
        } finally {
          await release(child);
          await Promise.all(rendered.map((file) => rm(file, { force: true })));
        }
      };
      try {
        const header = await child.request({ verb: "open", path }, request);
        const opened: Opened = {
          ...header,
          detect: (policy) => child.request({ verb: "detect", policy }, request),
          async render(regions, policy) {
            const outPath = join(spool, `${randomUUID()}.masked`);
            rendered.push(outPath);
            const file = await child.request({ verb: "render", regions, policy, outPath }, request);
            // The only place where the brand is given: these bytes come from render.
            return { ...file, path: outPath } as Anonymized;
          },
          close,
          [Symbol.asyncDispose]: close,
        };
        return opened;
      } catch (error) {
        await close();
        throw error;
      }
    },
    async detector() {
      if (detector === undefined) await release(await acquire("interactive", undefined));
      return detector!;
    },
    stats: () => ({
      live: all.size,
      busy: all.size - idle.length - starting,
      waiting: waiting.interactive.length + waiting.bulk.length,
      replaced,
    }),
    async close() {
      closed = true;
      for (const lane of lanes) {
        for (const waiter of waiting[lane].splice(0))
          waiter.reject(new Problem("shutting-down", "The engine is closed"));
      }
      idle.length = 0;
      await Promise.all([...all].map(discard));
    },
  };
}
