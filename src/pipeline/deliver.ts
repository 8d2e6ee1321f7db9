import type { Job } from "../core/job.ts";
import type { Anonymized } from "../core/media.ts";
import { Problem } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { ObjectInfo, PutOptions, Store } from "../stores/store.ts";
import { withSpoolFile } from "./spool.ts";

export interface DeliverParts {
  readonly ledger: Ledger;
  storeOf(name: string): Store;
}

/** Delivers a job's result, only while its lease is alive and no newer version of its input has been admitted. */
export async function deliver(
  { ledger, storeOf }: DeliverParts,
  job: Job,
  masked: Anonymized,
  signal: AbortSignal,
): Promise<ObjectInfo | "superseded"> {
  if (!(await ledger.isCurrent(job))) return "superseded";
  signal.throwIfAborted();
  return putMasked(storeOf(job.output.store), job.output.key, masked);
}

/** The only place that writes to an output: it takes nothing but what `render` made, and reads its version back. */
export async function putMasked(
  store: Store,
  key: string,
  { path, contentType, size }: Anonymized,
  condition: Pick<PutOptions, "ifNoneMatch"> = {},
): Promise<ObjectInfo> {
  const written = await withSpoolFile(path, (body) => store.put(key, body, { contentType, ...condition }));
  const found = await store.head(key);
  if (found?.version !== written.version || found.size !== size) {
    throw new Problem("store-unavailable", `${store.name}/${key} did not read back as it was written`, {
      remedy: "Check whether something else writes to the output.",
    });
  }
  return written;
}
