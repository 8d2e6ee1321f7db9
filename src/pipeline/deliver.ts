import { createHash } from "node:crypto";
import type { Job } from "../core/job.ts";
import type { Anonymized } from "../core/media.ts";
import type { Serial } from "../core/serial.ts";
import { Problem } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { ObjectInfo, PutOptions, Store } from "../stores/store.ts";
import { withSpoolFile } from "./spool.ts";

export interface DeliverParts {
  readonly ledger: Ledger;
  /** One put at a time for each output, so that a newer one can't slip in between the look and the put. */
  readonly puts: Serial;
  storeOf(name: string): Store;
}

/**
 * Delivers a job's result, only while its lease is alive and no newer version of its input has been admitted. What lies
 * at the output before veil's first job for this input is somebody else's, and is never replaced.
 */
export async function deliver(
  { ledger, puts, storeOf }: DeliverParts,
  job: Job,
  masked: Anonymized,
  signal: AbortSignal,
): Promise<ObjectInfo | "superseded"> {
  const { store: name, key } = job.output;
  return puts.run(`${name}/${key}`, async () => {
    if (!(await ledger.isCurrent(job))) return "superseded";
    signal.throwIfAborted();
    const store = storeOf(name);
    if (job.generation > 1) return putMasked(store, key, masked);
    try {
      return await putMasked(store, key, masked, { ifNoneMatch: "*" });
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== "already-exists") throw error;
      // The same bytes are what an attempt that died after its put has left.
      const existing = await sameThere(store, key, masked);
      if (existing !== undefined) return existing;
      throw new Problem("already-exists", `Something that veil did not write lies at ${key} in ${name}`, {
        remedy: "Move it away and send the job back, or choose another output.",
        cause: error,
      });
    }
  });
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

async function sameThere(store: Store, key: string, masked: Anonymized): Promise<ObjectInfo | undefined> {
  const there = await store.head(key);
  if (there?.size !== masked.size) return undefined;
  const { info, stream } = await store.get(key, { version: there.version });
  const hash = createHash("sha256");
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest("hex") === masked.sha256 ? info : undefined;
}
