import { randomBytes, randomUUID } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Confinement } from "../core/isolation.ts";
import { requireCertain } from "../core/kept-regions.ts";
import type { Anonymized, Medium, Opened } from "../core/media.ts";
import type { Policy } from "../core/policy.ts";
import { openBytes, sealKeyBytes } from "../core/sealed-bytes.ts";
import { requireAsSaid } from "./answers.ts";
import type { DetectorFacts } from "./engine-starts.ts";
import { createProcessLine, type LineStats, type ProcessLineOptions } from "./process-line.ts";

export interface PoolOptions extends ProcessLineOptions {
  /** For each step of one picture. */
  readonly deadlineMs: number;
}

export interface Pool extends Medium {
  /** Which detector the processes load; starts one if none has said so yet, and a missing model shows here. */
  detector(): Promise<DetectorFacts>;
  /** What its processes are shut into; starts one if none has said so yet. */
  confinement(): Promise<Confinement>;
  stats(): LineStats;
  close(): Promise<void>;
}

/** A Medium whose pictures are each held by one of a few engine processes; interactive callers go before bulk. */
export function createPool(options: PoolOptions): Pool {
  const { spool, deadlineMs } = options;
  const line = createProcessLine(options);
  const someFacts = async () => {
    if (line.facts.detector === undefined) await line.release(await line.acquire("interactive", undefined));
  };

  return {
    async open(given, { signal, lane = "bulk" } = {}) {
      const { path, key = undefined } = typeof given === "string" ? { path: given } : given;
      const child = await line.acquire(lane, signal);
      const request = { deadlineMs, ...(signal && { signal }) };
      const { folder } = child;
      const rendered: string[] = [];
      let open = true;
      const close = async () => {
        if (!open) return;
        open = false;
        try {
          if (child.alive) await child.request({ verb: "close" }, { deadlineMs });
          // Removed on this side: a process that is killed cleans up nothing, and what it decoded is unmasked.
          if (child.alive && !(await folder.clear())) await child.stop();
        } finally {
          // A process that failed is gone after this with its folder, and writes no more.
          await line.release(child);
          await Promise.all(rendered.map((file) => rm(file, { force: true })));
        }
      };
      const give = async (name: string, path: string, check = async (_moved: string) => {}) => {
        rendered.push(path);
        try {
          await folder.give(name, path);
          await check(path);
        } catch (error) {
          // It does not do what it says: the next picture gets another process.
          await child.stop();
          throw error;
        }
      };
      try {
        const header = await child.request(
          { verb: "open", ...(await folder.take({ path, key }, options.limits)) },
          request,
        );
        const look = (policy: Policy) => child.request({ verb: "look", policy }, request);
        const opened: Opened = {
          ...header,
          look,
          detect: async (policy) => requireCertain(await look(policy), policy),
          async render(regions, policy) {
            const name = randomUUID();
            const file = await child.request({ verb: "render", regions, policy, name }, request);
            const outPath = join(spool, `${name}.masked`);
            await give(name, outPath, (moved) => requireAsSaid(moved, file));
            // The only place where the brand is given: these bytes come from render.
            return { ...file, path: outPath } as Anonymized;
          },
          async preview() {
            const name = randomUUID();
            const own = randomBytes(sealKeyBytes);
            await child.request({ verb: "preview", name, key: own }, request);
            const path = join(spool, `${name}.preview`);
            try {
              await give(name, path);
              return openBytes(await readFile(path), own);
            } finally {
              await rm(path, { force: true });
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
      await someFacts();
      return line.facts.detector!;
    },
    async confinement() {
      await someFacts();
      return line.facts.confinement!;
    },
    stats: line.stats,
    close: line.close,
  };
}
