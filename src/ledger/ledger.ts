import type { Job, JobState, Lane } from "../core/job.ts";
import type { KeptRegions } from "../core/kept-regions.ts";
import type { Policy } from "../core/policy.ts";
import type { PictureSize } from "../core/within.ts";
import type { ProblemCode } from "../errors.ts";

/** Who wrote a record: the ledger adds it to each. */
export interface Stamp {
  /** veil's version. */
  readonly veil?: string;
  /** In which role and as which user of the system: `service:anna`. Whom it did for instead, where somebody had logged in: `key:ward 7`. */
  readonly who?: string;
}

/**
 * What may be said about an event. Never image content, recognised text or secrets. A new field that holds something of a
 * person, such as a name, has to be added to `personalPaths` in chain.ts: everything else stays for good.
 */
export interface EventDetail extends Stamp {
  /** For admitted: whose it is, where somebody had logged in, as a mark that tells nobody who that is. A name may be given anew. */
  readonly owner?: string;
  readonly attempt?: number;
  /** For started: no other job was in work, so that an end of the service is this one's doing. */
  readonly alone?: true;
  /** Why: for failed, dead and held. */
  readonly code?: ProblemCode;
  readonly message?: string;
  /** Why: for skipped, what the object is, for example `PDF`. Not `kind`: that is the event's own. */
  readonly recognised?: string;
  readonly input?: { readonly size: number; readonly sha256: string };
  readonly output?: {
    readonly version: string;
    readonly size: number;
    readonly sha256: string;
    readonly contentType: string;
  };
  /** How many regions were masked; 0 is a durable outcome. */
  readonly regions?: number;
  /** The same bytes had been masked the same way before, and that result was taken. */
  readonly cached?: true;
  readonly detector?: { readonly name: string; readonly digest: string };
  /** Milliseconds by stage. */
  readonly timings?: Readonly<Record<string, number>>;
  /** For held: upright size in pixels, and how many frames, of what a person is to look at. */
  readonly picture?: PictureSize;
  /** Which veil masked: `operatorVersion` of the pipeline. */
  readonly operator?: string;
  /** Of the regions that the ledger keeps: for held those that were found, for approved and done those that a person decided on. */
  readonly regionsDigest?: string;
  /** The job that takes this one's place: for redriven and approved. */
  readonly successor?: string;
}

export interface LedgerEvent extends EventDetail {
  readonly jobId: string;
  readonly kind: JobState;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** A job with the projection of its events. */
export interface JobRecord {
  readonly job: Job;
  readonly lane: Lane;
  readonly state: JobState;
  readonly attempts: number;
  /** For started: what the ledger knows that start by. */
  readonly fence?: number;
  readonly admittedAt: number;
  readonly updatedAt: number;
  /** Detail of the last event. */
  readonly last: EventDetail;
  /** Digest of the request that made it, where one did. */
  readonly requestDigest?: string;
  /** Its names were erased: those in the job are tombstones, and nothing can be done with it any more. */
  readonly erased?: true;
}

/** What admit is asked to take: a job without the generation that the ledger gives. */
export interface Candidate {
  readonly job: Omit<Job, "generation">;
  readonly lane: Lane;
  readonly requestDigest?: string;
  /**
   * Admit it although this version is known, as long as the newest generation of its route and key is still this one; its
   * revision must be a new one.
   */
  readonly rerun?: number;
  /** Kept with the job: those that its `regionsDigest` stands for. */
  readonly regions?: KeptRegions;
  /** For whom, where somebody had logged in. */
  readonly who?: string | undefined;
  /** Whose it is from then on, as a mark. */
  readonly owner?: string | undefined;
}

export interface Admission {
  readonly record: JobRecord;
  /** False: the ledger knew it already; the record is the last one of that version. */
  readonly fresh: boolean;
  /** The version is there again after its job was superseded or its output removed with it: to be admitted at the record's revision + 1. */
  readonly again: boolean;
}

export interface JobQuery {
  readonly route?: string;
  readonly states?: readonly JobState[];
  readonly key?: string;
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: string;
}

export interface JobPage {
  /** Newest change first. */
  readonly records: readonly JobRecord[];
  readonly next?: string;
}

/** What a synchronous request did: it has no job. Regions asked for without masking are noted as `detected`. */
export interface RequestNote extends Stamp {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly outcome: "masked" | "detected" | "refused";
  readonly input: { readonly size: number; readonly sha256: string };
  readonly output?: { readonly size: number; readonly sha256: string; readonly contentType: string };
  readonly policy: Policy;
  readonly regions?: number;
  /** As for an event. */
  readonly cached?: true;
  /** Who said what to mask. Those of a request are a person's: no detector looked. */
  readonly regionsFrom: "request" | "detector";
  /** Absent where the regions came from the request. */
  readonly detector?: { readonly name: string; readonly digest: string };
  /** Why: for refused. */
  readonly code?: ProblemCode;
}

/** What was done with what veil keeps safe, beside the masking: a look at an original, a key, a login. */
export interface AccessNote extends Stamp {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly outcome: "viewed" | "key-created" | "key-revoked" | "logged-in" | "logged-out";
  /** Whose original was looked at. */
  readonly job?: { readonly id: string };
  /** The key or session by its id, never what it is used by. */
  readonly key?: { readonly id: string; readonly roles: readonly string[] };
}

export type Note = RequestNote | AccessNote;

/** What has become of a route's jobs, for people and monitors. */
export interface RouteStats {
  readonly route: string;
  readonly states: Readonly<Record<JobState, number>>;
  /** Why jobs are dead, held, or wait for another attempt. */
  readonly troubles: readonly {
    readonly state: "failed" | "held" | "dead";
    readonly code: ProblemCode;
    readonly jobs: number;
  }[];
  /** When the oldest job that is not finished was admitted; absent: none waits. */
  readonly oldestWaitingAt?: number;
  /** Attempts beyond each job's first. */
  readonly retries: number;
  /** What has ended since the time that was asked for. */
  readonly recent: { readonly ended: Readonly<Partial<Record<JobState, number>>>; readonly firstAt?: number };
}

/** How many events of a kind a stretch of time had, apart by all that is said beside. */
export interface EventTally {
  readonly route: string;
  readonly kind: JobState;
  readonly code?: ProblemCode;
  readonly detector?: { readonly name: string; readonly digest: string };
  /** Of results: no face was in them. */
  readonly faceless: boolean;
  readonly cached: boolean;
  /** The same version of an object was taken in before, or masked once more within the stretch: not another picture. */
  readonly again: boolean;
  readonly events: number;
  /** Regions masked, all together. */
  readonly regions: number;
}

/** How many jobs of self-tests a route has in a state. */
export interface OpenSelfTests {
  readonly route: string;
  readonly state: JobState;
  readonly jobs: number;
}

/** For whom a job is started, and for how long nobody else may start it. The database's clock counts. */
export interface Claim {
  /** A worker's process. It may start its own job again at any time. */
  readonly holder: string;
  readonly ttlMs: number;
}

/** A claim that a start was given. */
export interface StartedClaim {
  readonly jobId: string;
  readonly fence: number;
}

/** Remembers what happened. Append-only; every call returns once its writes are on disk. */
export interface Ledger {
  /**
   * Records `admitted` for what is new and gives it a generation, in one transaction. Refused as known: the same job
   * id, and the version that the newest job of its route and key is for, unless that ended as `superseded` or `removed`.
   */
  admit(candidates: readonly Candidate[]): Promise<readonly Admission[]>;
  /**
   * False, and nothing written, where the event may not follow the job's last one or the job is unknown. Regions are kept
   * with the job in the same transaction; those that it has stay. With a fencing number nothing is written either where
   * that start is not the job's last event any more.
   */
  append(event: LedgerEvent, regions?: KeptRegions, fence?: number): Promise<boolean>;
  /**
   * Records `started` and claims the job for the holder; answers the claim's fencing number. Undefined, and nothing
   * written, where the event may not follow, or another holder has started the job and its claim has not run out.
   */
  start(event: LedgerEvent, claim: Claim): Promise<number | undefined>;
  /** For how many milliseconds another holder's claim on the job lasts; 0: none does. */
  claimedMs(jobId: string, holder: string): Promise<number>;
  /** Lets claims last for so long from now on; answers the jobs of those that another one has taken over. */
  renew(claims: readonly StartedClaim[], ttlMs: number): Promise<readonly string[]>;
  /**
   * One transaction: `redriven` for the old job, `admitted` for its successor, in the old one's generation, with the
   * successor's regions. Undefined: neither dead nor held. With `approved` that is the old job's event, which carries the
   * successor's `regionsDigest`; undefined then: not held.
   */
  redrive(
    deadJobId: string,
    successor: Candidate,
    at: number,
    kind?: "redriven" | "approved",
  ): Promise<JobRecord | undefined>;
  get(jobId: string): Promise<JobRecord | undefined>;
  /** What was kept with the job; undefined: nothing, or it was erased. Problem `ledger-broken`: what is there can't be read. */
  regions(jobId: string): Promise<KeptRegions | undefined>;
  /** What people have decided on objects of that name, newest generation first: approved with regions, or rejected. */
  decisions(route: string, key: string): Promise<readonly JobRecord[]>;
  /**
   * Whether no newer generation of the same route and input key has been admitted; with a fencing number also, in the
   * same look, whether the claim of that start has neither been taken over nor run out.
   */
  isCurrent(job: Job, fence?: number): Promise<boolean>;
  /** Those of the given versions that admit would take. */
  unseen<T extends { readonly key: string; readonly version: string }>(
    route: string,
    objects: readonly T[],
  ): Promise<readonly T[]>;
  /**
   * Admitted before that time, nothing since, and not known to be with the queue, oldest first: to be published again.
   * `after` is the id of the last job of the page before.
   */
  unstarted(before: number, limit: number, after?: string): Promise<readonly JobRecord[]>;
  /** What had begun and not ended at `unpublish`, was not heard of since that time, and nobody is at: to be published again. */
  unheard(before: number, limit: number): Promise<readonly JobRecord[]>;
  /** Notes that a queue has confirmed these, which would keep each a second time: they are none of `unstarted` and `unheard`. */
  published(jobIds: readonly string[]): Promise<void>;
  /**
   * The queue was lost: what was published and never started is to be published again, and what had begun too, if nothing
   * more is heard of it. Answers how many there are.
   */
  unpublish(): Promise<{ readonly unstarted: number; readonly begun: number }>;
  history(jobId: string): Promise<readonly LedgerEvent[]>;
  find(query: JobQuery): Promise<JobPage>;
  counts(route?: string): Promise<Readonly<Record<JobState, number>>>;
  /** Every route that has jobs, by name; `recent` counts from that time on (ms since 1970). */
  stats(since: number): Promise<readonly RouteStats[]>;
  /** Every event from `since` on and before `until` (ms since 1970), counted; self-tests are left out. Looks at each: for a report, not for a monitor. */
  tally(since: number, until: number): Promise<readonly EventTally[]>;
  /** Jobs of self-tests that are not finished or wait for a person now, which `stats` counts and a report leaves out. */
  openSelfTests(): Promise<readonly OpenSelfTests[]>;
  /** Records what has no job of its own. */
  note(note: Note): Promise<void>;
  /** Newest first. */
  notes(limit: number): Promise<readonly Note[]>;
  close(): Promise<void>;
}
