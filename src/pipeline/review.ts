import { type Job, jobId } from "../core/job.ts";
import { type KeptRegions, regionsDigest } from "../core/kept-regions.ts";
import type { Region } from "../core/region.ts";
import type { Serial } from "../core/serial.ts";
import { requireWithin } from "../core/within.ts";
import { Problem, toProblem } from "../errors.ts";
import type { JobRecord, Ledger } from "../ledger/ledger.ts";
import type { Store } from "../stores/store.ts";
import { type PublishParts, publish } from "./admit.ts";
import { placeOf, takeBack } from "./delivered.ts";

/** A job that is held, or was, with what was found in its picture; undefined: an earlier veil kept nothing of it. */
export interface Reviewed {
  readonly record: JobRecord;
  readonly regions: KeptRegions | undefined;
}

/** What a person decides on. */
export interface Approval {
  /** Exactly these; absent: all that both looks found. */
  readonly regions?: readonly Region[] | undefined;
  /** Said by whoever sees that there is no face at all: without it nothing is masked with no regions. */
  readonly noFaces?: boolean | undefined;
  /** Who decides, where somebody had logged in. */
  readonly who?: string | undefined;
}

export interface Rejected {
  readonly record: JobRecord;
  /** Results of the same version that were taken back. */
  readonly takenBack: number;
}

/** What becomes of a picture in doubt. Each call returns once the decision is durable. */
export interface Review {
  /** Problems: not-found, not-ready where the job was never held. */
  read(id: string): Promise<Reviewed>;
  /** Answers the new revision, which masks exactly those regions. Problems: not-found, not-ready, already-decided, invalid-request. */
  approve(id: string, approval?: Approval): Promise<JobRecord>;
  /**
   * Ends the job without output; its original stays. Where the picture was masked before, as when it was held on a rerun,
   * that result is taken back; where that can't be done, asking again goes on with it. Problems: not-found, not-ready,
   * already-decided, and what keeps a result from being taken back.
   */
  reject(id: string, reason?: string, who?: string): Promise<Rejected>;
}

export interface ReviewParts {
  readonly ledger: Pick<Ledger, "get" | "find" | "regions" | "redrive" | "append" | "published">;
  readonly queue: PublishParts["queue"];
  readonly installationKey: string;
  readonly puts: Serial;
  storeOf(name: string): Store;
}

export function createReview({ ledger, queue, installationKey, puts, storeOf }: ReviewParts): Review {
  async function held(id: string): Promise<JobRecord> {
    const record = await ledger.get(id);
    if (record === undefined) throw new Problem("not-found", `There is no job ${id}`);
    if (record.state === "held") return record;
    throw decided(record);
  }

  async function keptOf({ job, last }: JobRecord): Promise<KeptRegions | undefined> {
    const kept = await ledger.regions(job.id);
    if (kept === undefined || last.regionsDigest === regionsDigest(kept)) return kept;
    throw new Problem("ledger-broken", `The ledger's regions are not those that job ${job.id} was held with`, {
      remedy:
        "Nothing was decided. Give the regions yourself, or reject it; veil ledger verify says what else is wrong.",
    });
  }

  /** What is to be masked: given, said to be none, or all that was found. */
  async function regionsFor(record: JobRecord, { regions, noFaces = false }: Approval): Promise<KeptRegions> {
    if (noFaces && regions !== undefined && regions.length > 0)
      throw new Problem("invalid-request", `Expected no regions beside no faces but received ${regions.length}`);
    // Of the very file that was held: another one under its name may show other people.
    const of = record.last.input?.sha256 ?? "";
    if (noFaces) return { first: [], second: [], of };
    if (regions !== undefined) return { first: regions, second: [], of };
    const kept = await keptOf(record);
    if (kept !== undefined) return { ...kept, of };
    throw new Problem("not-ready", `What was found in job ${record.job.id} was not kept by the veil that held it`, {
      remedy: `Give the regions, or look again: veil jobs retry ${record.job.id} masks all that both looks find.`,
    });
  }

  /** What was masked of this very version shows what a person wants nobody to see. */
  async function takeBackAll({ id, route, input }: Job): Promise<number> {
    const query = { route, key: input.key, states: ["done", "copied"] as const, limit: 100 };
    const { records } = await ledger.find(query);
    const same = records.filter((record) => record.job.input.version === input.version);
    let takenBack = 0;
    for (const record of same) {
      const { store, key } = record.job.output;
      try {
        if (await puts.run(placeOf(record.job), () => takeBack(storeOf(store), record))) takenBack += 1;
      } catch (cause) {
        const { code, message } = toProblem(cause);
        throw new Problem(code, `Job ${id} is rejected, but ${store}/${key} could not be taken back: ${message}`, {
          remedy: "Reject it once more when that is mended.",
          cause,
        });
      }
      await ledger.append({ jobId: record.job.id, kind: "removed", at: Date.now() });
    }
    return takenBack;
  }

  return {
    async read(id) {
      const record = await ledger.get(id);
      if (record === undefined) throw new Problem("not-found", `There is no job ${id}`);
      const regions = await ledger.regions(id);
      // Decided ones can be looked at too, also where an earlier veil kept no regions.
      const { state, erased } = record;
      const isDecided = (state === "approved" || state === "rejected") && !erased;
      if (regions === undefined && state !== "held" && !isDecided) throw neverHeld(record);
      return { record, regions };
    },

    async approve(id, approval = {}) {
      const record = await held(id);
      const regions = await regionsFor(record, approval);
      const all = [...regions.first, ...regions.second];
      if (all.length === 0 && !approval.noFaces) {
        throw new Problem(
          "invalid-request",
          "Expected regions, or the word that there are no faces, but received none",
          {
            remedy: "Say --no-faces (no_faces in the API) where the picture shows nobody.",
          },
        );
      }
      // Rendering would refuse them too, when nobody is there any more to mend them.
      if (record.last.picture !== undefined) requireWithin(all, record.last.picture);
      const { id: _, generation: __, ...rest } = record.job;
      const revised = { ...rest, revision: rest.revision + 1, regionsDigest: regionsDigest(regions) };
      const successor = {
        job: { ...revised, id: jobId(installationKey, revised, [id]) },
        lane: record.lane,
        regions,
        who: approval.who,
      };
      const admitted = await ledger.redrive(id, successor, Date.now(), "approved");
      if (admitted === undefined) throw decided((await ledger.get(id))!);
      await publish({ ledger, queue }, [admitted]);
      return admitted;
    },

    async reject(id, reason, who) {
      const before = await ledger.get(id);
      if (before?.state === "rejected" && !before.erased) {
        // The first time may have been cut off.
        const takenBack = await takeBackAll(before.job);
        if (takenBack === 0) throw decided(before);
        return { record: before, takenBack };
      }
      const { job } = await held(id);
      const event = { jobId: id, kind: "rejected" as const, at: Date.now() };
      if (!(await ledger.append({ ...event, ...(reason && { message: reason }), ...(who && { who }) })))
        throw decided((await ledger.get(id))!);
      const takenBack = await takeBackAll(job);
      return { record: (await ledger.get(id))!, takenBack };
    },
  };
}

/** Why nothing can be decided: somebody has, or there is nothing to decide. */
function decided(record: JobRecord): Problem {
  const { job, state, last } = record;
  if (record.erased) return new Problem("not-ready", `The names in job ${job.id} were erased`);
  if (state === "rejected") return new Problem("already-decided", `Job ${job.id} was rejected`);
  if (state === "approved" || state === "redriven") {
    const what = state === "approved" ? "approved" : "sent back";
    return new Problem("already-decided", `Job ${job.id} was ${what}; job ${last.successor} took its place`);
  }
  return neverHeld(record);
}

function neverHeld({ job, state }: JobRecord): Problem {
  return new Problem("not-ready", `Expected a job that is held but ${job.id} is ${state}`, {
    remedy: "veil review list shows what waits for a person.",
  });
}
