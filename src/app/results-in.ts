import type { Cache } from "../caches/cache.ts";
import type { Config } from "../config.ts";
import type { Logger } from "../log.ts";
import {
  createResultCache,
  noResultCache,
  type ResultCache,
  type ResultCacheOptions,
} from "../pipeline/result-cache.ts";

export type ResultParts = Pick<
  ResultCacheOptions,
  "spool" | "detector" | "installationKey" | "observe" | "onProblem"
> & { readonly log: Logger };

/** What was masked before, out of that cache; without one nothing is. */
export function resultsIn(
  cache: Cache | undefined,
  { limits, cache: { ttlHours } }: Pick<Config, "limits" | "cache">,
  { log, ...parts }: ResultParts,
): ResultCache {
  if (cache === undefined) return noResultCache;
  return createResultCache({
    ...{ ...parts, cache, limits, now: Date.now, ttlMs: ttlHours * 3_600_000 },
    onMended: (verb) => log.info({ verb }, "the cache of results works again"),
  });
}
