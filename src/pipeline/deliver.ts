import type { Job } from "../core/job.ts";
import type { Anonymized, Copyable } from "../core/media.ts";
import type { Serial } from "../core/serial.ts";
import { Problem } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { reached } from "../points.ts";
import type { Attributes, ObjectInfo, PutOptions, Store } from "../stores/store.ts";
import type { HeldClaim } from "./claims.ts";
import { placeOf, stillThere } from "./delivered.ts";
import { withSpoolFile } from "./spool.ts";

export interface DeliverParts {
  readonly ledger: Ledger;
  /** One put or removal at a time for each output, so that a newer put can't slip in between the look and what follows. */
  readonly puts: Serial;
  /** What erasure leaves in the place of an object's names. */
  bury(object: { readonly key: string; readonly version: string }): { readonly key: string };
  storeOf(name: string): Store;
}

export interface DeliverOptions {
  /** Aborted when the lease is lost. */
  readonly signal: AbortSignal;
  /** Of the claim on the job. */
  readonly claim?: Pick<HeldClaim, "fence" | "renew">;
  readonly attributes?: Attributes;
  /** Whether an older result of the same input may be replaced: not where its original is gone with it. */
  readonly replace: boolean;
}

/**
 * Delivers a job's result, only while its lease and its claim are alive and no newer version of its input has been admitted. What lies
 * at the output and was not written for this very input is somebody else's, and is never replaced: also where a file
 * server takes two names for one.
 */
export async function deliver(
  { ledger, puts, bury, storeOf }: DeliverParts,
  job: Job,
  result: Anonymized | Copyable,
  { signal, claim, attributes, replace }: DeliverOptions,
): Promise<ObjectInfo | "superseded"> {
  const { store: name, key } = job.output;
  return puts.run(placeOf(job), async () => {
    if (!(await ledger.isCurrent(job, claim?.fence))) {
      if (claim === undefined || !(await ledger.isCurrent(job))) return "superseded";
      // It ran out, as after this machine has slept: it is renewed, unless somebody was faster.
      if (!(await claim.renew())) throw new Problem("lease-lost", `Another worker has taken job ${job.id} over`);
    }
    signal.throwIfAborted();
    const store = storeOf(name);
    const options = attributes === undefined ? {} : { attributes };
    const put = async (conditions: Pick<PutOptions, "ifNoneMatch" | "attributes">) => {
      const written = await putMasked(store, key, result, conditions);
      reached("put", job.id);
      return written;
    };
    if (replace && (await hasOlderResult({ ledger, bury }, job, store))) return put(options);
    try {
      return await put({ ifNoneMatch: "*", ...options });
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== "already-exists") throw error;
      // The same bytes are what an attempt that died after its put has left.
      const { size, sha256 } = result;
      const existing = await stillThere(store, key, { size, sha256 });
      if (existing !== undefined) return existing;
      if (await isJustWritten(ledger, job)) {
        throw new Problem("store-unavailable", `An older version's result is just being written to ${name}/${key}`);
      }
      throw new Problem("already-exists", `${error.message}; veil did not write it for this object`, {
        remedy: error.remedy ?? "Move it away and send the job back, or choose another output.",
        cause: error,
      });
    }
  });
}

/** Whether what lies at the output is the result of an older version of the same input. */
async function hasOlderResult(
  { ledger, bury }: Pick<DeliverParts, "ledger" | "bury">,
  { route, input, output, generation }: Job,
  store: Store,
): Promise<boolean> {
  if (generation === 1) return false;
  // Where names were erased their tombstones say the same; what was written, and where its bytes can be compared, stays.
  const tombstone = (key: string) => bury({ key, version: "" }).key;
  for (const named of [(key: string) => key, tombstone]) {
    const { records } = await ledger.find({ route, key: named(input.key), states: ["done", "copied"], limit: 1 });
    const [older] = records;
    if (older?.last.output === undefined) continue;
    if (older.job.generation >= generation || older.job.output.key !== named(output.key)) return false;
    return (await stillThere(store, output.key, older.last.output)) !== undefined;
  }
  return false;
}

/** Whether an older job of the same input is at work, whose result may lie there and not be recorded yet. */
async function isJustWritten(ledger: Ledger, { route, input, generation }: Job): Promise<boolean> {
  const { records } = await ledger.find({ route, key: input.key, states: ["started"], limit: 10 });
  return records.some(({ job }) => job.generation < generation);
}

/**
 * The only place that writes to an output: it takes nothing but what `render` or `inspectCopy` made, and reads its
 * version back.
 */
export async function putMasked(
  store: Store,
  key: string,
  { path, contentType, size }: Anonymized | Copyable,
  condition: Pick<PutOptions, "ifNoneMatch" | "attributes"> = {},
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
