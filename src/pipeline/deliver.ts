import type { Job, JobState } from "../core/job.ts";
import type { Anonymized, Copyable } from "../core/media.ts";
import type { Serial } from "../core/serial.ts";
import { Problem } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { reached } from "../points.ts";
import type { Attributes, Metadata, ObjectInfo, PutOptions, Store } from "../stores/store.ts";
import type { HeldClaim } from "./claims.ts";
import { placeOf, stillThere } from "./delivered.ts";
import { makerOf } from "./marks.ts";
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
  /** What stores that can keep with the result. */
  readonly metadata?: Metadata;
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
  { signal, claim, attributes, metadata = {}, replace }: DeliverOptions,
): Promise<ObjectInfo | "superseded"> {
  const { store: name, key } = job.output;
  async function isOurs(): Promise<boolean> {
    if (await ledger.isCurrent(job, claim?.fence)) return true;
    if (claim === undefined || !(await ledger.isCurrent(job))) return false;
    // It ran out, as after this machine has slept: it is renewed, unless somebody was faster.
    if (!(await claim.renew())) throw new Problem("lease-lost", `Another worker has taken job ${job.id} over`);
    return true;
  }
  const delivering = puts.run(placeOf(job), async () => {
    if (!(await isOurs())) return "superseded";
    signal.throwIfAborted();
    const store = storeOf(name);
    const put = async (condition: Pick<PutOptions, "ifNoneMatch" | "ifMatch">) => {
      const written = await putMasked(store, key, result, {
        ...{ ...condition, metadata, ...(attributes && { attributes }) },
        // A database that went away has let go of the lock meanwhile, and somebody newer may have delivered.
        async beforeVisible() {
          if (!(await isOurs())) throw new Problem("lease-lost", `A newer version of ${job.input.key} has come`);
        },
      });
      reached("put", job.id);
      return written;
    };
    const older = replace ? await olderResult({ ledger, bury }, job, store) : undefined;
    try {
      return await put(older === undefined ? { ifNoneMatch: "*" } : { ifMatch: older.version });
    } catch (error) {
      if (error instanceof Problem && ["lease-lost", "already-exists"].includes(error.code) && !(await isOurs()))
        return "superseded";
      if (!(error instanceof Problem) || error.code !== "already-exists") throw error;
      // What lay there when it was looked at is not what was met: the next attempt looks anew.
      if (older !== undefined)
        throw new Problem("store-unavailable", `${name}/${key} changed while it was to be replaced`, { cause: error });
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
  return delivering.catch(ofOutput);
}

/** What is gone or has changed at the output says nothing of the original: whoever asks would take the job for superseded. */
function ofOutput(error: unknown): never {
  if (!(error instanceof Problem) || !["not-found", "changed-while-reading"].includes(error.code)) throw error;
  throw new Problem("store-unavailable", error.message, { cause: error });
}

/** What lies at the output, if it is the result of an older version of the same input. */
async function olderResult(
  { ledger, bury }: Pick<DeliverParts, "ledger" | "bury">,
  { route, input, output, generation }: Job,
  store: Store,
): Promise<ObjectInfo | undefined> {
  if (generation === 1) return undefined;
  // Where names were erased their tombstones say the same; what was written, and where its bytes can be compared, stays.
  const tombstone = (key: string) => bury({ key, version: "" }).key;
  for (const named of [(key: string) => key, tombstone]) {
    const { records } = await ledger.find({ route, key: named(input.key), states: ["done", "copied"], limit: 1 });
    const [older] = records;
    if (older?.last.output === undefined) continue;
    if (older.job.generation >= generation || older.job.output.key !== named(output.key)) return undefined;
    return (await stillThere(store, output.key, older.last.output)) ?? (await leftBehind());
  }
  return await leftBehind();

  /** What an attempt has left that died before it was recorded, and was overtaken then: where stores keep marks. */
  async function leftBehind(): Promise<ObjectInfo | undefined> {
    const there = await store.head(output.key);
    const maker = makerOf(there?.metadata);
    const record = maker === undefined ? undefined : await ledger.get(maker);
    if (record === undefined || !unrecorded.includes(record.state)) return undefined;
    const { job } = record;
    const isOlder = job.route === route && job.input.key === input.key && job.generation < generation;
    return isOlder && job.output.key === output.key ? there : undefined;
  }
}

const unrecorded: readonly JobState[] = ["superseded", "failed", "dead"];

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
  made: Anonymized | Copyable,
  options: Omit<PutOptions, "contentType" | "size"> = {},
): Promise<ObjectInfo> {
  const { contentType, size } = made;
  const written = await withSpoolFile(made, (body) => store.put(key, body, { contentType, size, ...options }));
  const found = await store.head(key);
  if (found?.version !== written.version || found.size !== size) {
    throw new Problem("store-unavailable", `${store.name}/${key} did not read back as it was written`, {
      remedy: "Check whether something else writes to the output.",
    });
  }
  return written;
}
