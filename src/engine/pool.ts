import { randomUUID } from "node:crypto";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { requireCertain } from "../core/kept-regions.ts";
import type { Anonymized, Medium, Opened } from "../core/media.ts";
import type { Policy } from "../core/policy.ts";
import { createProcessLine, type LineStats, type ProcessLineOptions } from "./process-line.ts";
import type { EngineAnswers } from "./protocol.ts";

export interface PoolOptions extends ProcessLineOptions {
  /** For each step of one picture. */
  readonly deadlineMs: number;
  /** Owner-only folder for intermediate and rendered files. */
  readonly spool: string;
}

export interface Pool extends Medium {
  /** Which detector the processes load; starts one if none has said so yet, and a missing model shows here. */
  detector(): Promise<EngineAnswers["setup"]>;
  stats(): LineStats;
  close(): Promise<void>;
}

/** A Medium whose pictures are each held by one of a few engine processes; interactive callers go before bulk. */
export function createPool(options: PoolOptions): Pool {
  const { spool, deadlineMs } = options;
  const line = createProcessLine(options);

  return {
    async open(path, { signal, lane = "bulk" } = {}) {
      const child = await line.acquire(lane, signal);
      const request = { deadlineMs, ...(signal && { signal }) };
      // Made and removed on this side: a process that is killed cleans up nothing, and what it decoded is unmasked.
      const scratch = join(spool, `${randomUUID()}.scratch`);
      const rendered: string[] = [];
      let open = true;
      const close = async () => {
        if (!open) return;
        open = false;
        try {
          if (child.alive) await child.request({ verb: "close" }, { deadlineMs });
        } finally {
          // A process that failed is gone after this, and writes no more.
          await line.release(child);
          // Tried again: a decoder killed along with it may be seen to end a moment later.
          await rm(scratch, { recursive: true, force: true, maxRetries: 5 });
          await Promise.all(rendered.map((file) => rm(file, { force: true })));
        }
      };
      try {
        await mkdir(scratch, { mode: 0o700 });
        const header = await child.request({ verb: "open", path, scratch }, request);
        const look = (policy: Policy) => child.request({ verb: "look", policy }, request);
        const opened: Opened = {
          ...header,
          look,
          detect: async (policy) => requireCertain(await look(policy), policy),
          async render(regions, policy) {
            const outPath = join(spool, `${randomUUID()}.masked`);
            rendered.push(outPath);
            const file = await child.request({ verb: "render", regions, policy, outPath }, request);
            // The only place where the brand is given: these bytes come from render.
            return { ...file, path: outPath } as Anonymized;
          },
          async preview() {
            const outPath = join(scratch, `${randomUUID()}.jpg`);
            try {
              await child.request({ verb: "preview", outPath }, request);
              return await readFile(outPath);
            } finally {
              await rm(outPath, { force: true });
            }
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
      if (line.detector === undefined) await line.release(await line.acquire("interactive", undefined));
      return line.detector!;
    },
    stats: line.stats,
    close: line.close,
  };
}
