import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type Cache, maxValueBytes } from "../caches/cache.ts";
import type { Lane } from "../core/job.ts";
import type { Limits } from "../core/media.ts";
import { type Policy, policyDigest } from "../core/policy.ts";
import { createSerial } from "../core/serial.ts";
import { Problem } from "../errors.ts";
import { createCircuit } from "./circuit.ts";
import type { MaskedNow } from "./mask-now.ts";
import { operatorVersion } from "./operator-version.ts";
import { seal, unseal } from "./sealed-result.ts";
import type { Spool } from "./spool.ts";

/** What is to be masked, how, and for whom. */
export interface Asked {
  /** SHA-256 of the original. */
  readonly sha256: string;
  readonly policy: Policy;
  readonly lane: Lane;
  readonly signal?: AbortSignal;
}

/** Spares the engine what it has done before. */
export interface ResultCache {
  /**
   * What `render` gave for the same bytes, policy, models and operator before, or what it gives now. The same work of a
   * lane is done by one at a time, so that the others find its result. No fault of the cache is ever one of the caller.
   */
  through(asked: Asked, render: () => Promise<MaskedNow>): Promise<MaskedNow>;
}

/** For metrics. An `error` is what could not be asked or kept, `refused` what veil had not sealed. */
export interface CacheUse {
  readonly verb: "find" | "keep";
  readonly outcome: "hit" | "miss" | "refused" | "kept" | "too-large" | "error";
  readonly bytes?: number;
}

export interface ResultCacheOptions {
  readonly cache: Cache;
  readonly spool: Spool;
  readonly limits: Limits;
  readonly detector: { readonly name: string; readonly digest: string };
  readonly installationKey: string;
  readonly ttlMs: number;
  /** What masks; absent: this veil. */
  readonly operator?: string;
  now(): number;
  observe(use: CacheUse): void;
  /** Told once when the cache fails, and of what is in it that veil did not put there. */
  onProblem(problem: Problem): void;
  /** Told once when it works again. */
  onMended(verb: CacheUse["verb"]): void;
}

/** Values in memory at once: a batch may ask for a thousand. */
const maxAtOnce = 4;
const retryAfterMs = 2000;
/** Room for the label beside the picture. */
const labelBytes = 1024 * 1024;

export function createResultCache(options: ResultCacheOptions): ResultCache {
  const { cache, spool, limits, detector, installationKey, ttlMs, operator = operatorVersion } = options;
  const { now, observe, onProblem, onMended } = options;
  // Each of its uses has a secret of its own.
  const [naming, sealing] = ["name of a cached result", "seal of a cached result"].map((use) =>
    createHmac("sha256", installationKey).update(use).digest(),
  ) as [Buffer, Buffer];
  const circuitOf = (verb: CacheUse["verb"]) =>
    createCircuit({
      ...{ retryAfterMs, now },
      onChange: (problem) => (problem === undefined ? onMended(verb) : onProblem(problem)),
    });
  const [finding, keeping] = [circuitOf("find"), circuitOf("keep")];
  const works = createSerial();
  const slots = createSerial();
  let turn = 0;

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    turn = (turn + 1) % maxAtOnce;
    return slots.run(String(turn), work);
  }

  function keyOf({ sha256, policy }: Asked): string {
    const { maxPixels, maxFrames } = limits;
    const work = [sha256, policyDigest(policy), detector.name, detector.digest, operator, maxPixels, maxFrames];
    return createHmac("sha256", naming).update(JSON.stringify(work)).digest("hex");
  }

  async function find(key: string): Promise<MaskedNow | undefined> {
    const found = await finding.attempt(() => cache.get(key));
    const sealed = found?.value;
    const result = sealed === undefined ? "expired" : await unseal({ secret: sealing, key }, sealed, spool, now());
    if (typeof result === "object") {
      observe({ verb: "find", outcome: "hit", bytes: sealed!.length });
      return result;
    }
    if (result === "expired") return void observe({ verb: "find", outcome: found === undefined ? "error" : "miss" });
    observe({ verb: "find", outcome: "refused" });
    const detail = `The cached result ${key} is not as veil keeps it: it is removed, and the picture masked again`;
    onProblem(new Problem("unreadable", detail, { remedy: "Find out what else writes to the cache." }));
    await keeping.attempt(() => cache.delete(key));
    return undefined;
  }

  async function keep(key: string, result: MaskedNow): Promise<void> {
    const { path, size } = result.masked;
    // Nobody needs to be told twice that it is down.
    if (finding.isOpen) return observe({ verb: "keep", outcome: "error" });
    if (size > maxValueBytes - labelBytes) return observe({ verb: "keep", outcome: "too-large" });
    const kept = await keeping.attempt(async () => {
      const expiresAt = now() + ttlMs;
      const sealed = seal({ secret: sealing, key }, result, await readFile(path), expiresAt);
      await cache.set(key, sealed, expiresAt);
      return sealed.length;
    });
    observe({ verb: "keep", ...(kept ? { outcome: "kept", bytes: kept.value } : { outcome: "error" }) });
  }

  return {
    through(asked, render) {
      const key = keyOf(asked);
      const { signal, lane } = asked;
      return untilAborted(signal, (begin) =>
        // A person's request never waits for a bulk job.
        works.run(`${lane} ${key}`, async () => {
          begin();
          const found = await inTurn(() => find(key));
          if (found !== undefined) return found;
          const made = await render();
          await inTurn(() => keep(key, made));
          return made;
        }),
      );
    },
  };
}

/** Everything is masked anew, always. */
export const noResultCache: ResultCache = { through: (_, render) => render() };

/** Who is gone before its turn came does not wait for it, and does nothing when it comes; begun work ends by itself. */
function untilAborted<T>(signal: AbortSignal | undefined, start: (begin: () => void) => Promise<T>): Promise<T> {
  if (signal === undefined) return start(() => {});
  const gone = Promise.withResolvers<never>();
  const leave = () => gone.reject(signal.reason);
  signal.addEventListener("abort", leave, { once: true });
  const work = start(() => {
    signal.removeEventListener("abort", leave);
    signal.throwIfAborted();
  });
  return Promise.race([work, gone.promise]);
}
