import type { Cache } from "../caches/cache.ts";
import type { Config } from "../config.ts";
import type { DataFolder } from "../data-folder.ts";
import type { KeepRetentionOptions } from "../pipeline/retain.ts";
import { uploadRoute } from "../pipeline/route.ts";
import type { Alone } from "./alone.ts";

export interface RetentionParts {
  readonly data: Pick<DataFolder, "ledger" | "storeOf" | "sweep">;
  readonly cache: Cache | undefined;
  readonly alone: Pick<Alone, "once">;
}

/** What is looked through every hour for what nobody needs any more. */
export function retentionOf(
  { jobs: { folder, retainHours } }: Pick<Config, "jobs">,
  { data: { ledger, storeOf, sweep }, cache, alone }: RetentionParts,
): Omit<KeepRetentionOptions, "signal" | "onProblem"> {
  return {
    ...{ ledger, route: uploadRoute, inbox: storeOf("inbox"), results: storeOf("results"), retainHours },
    // Where each data folder has its own, each process looks after it.
    ...(folder !== undefined && { isMine: alone.once("retention", 0.9) }),
    async sweep(signal) {
      await sweep(signal);
      await cache?.sweep?.();
    },
  };
}
