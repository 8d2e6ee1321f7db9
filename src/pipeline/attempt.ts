import type { Job, Lane } from "../core/job.ts";
import { allOf, type KeptRegions, regionsDigest, requireCertain, requireOf } from "../core/kept-regions.ts";
import type { Limits, Medium, PictureFile } from "../core/media.ts";
import type { Region } from "../core/region.ts";
import { nameOf, type Recognised, recognise } from "../core/sniff.ts";
import { unfinishedKind } from "../core/unfinished.ts";
import { Problem, toProblem } from "../errors.ts";
import type { EventDetail } from "../ledger/ledger.ts";
import { reached } from "../points.ts";
import type { ObjectInfo } from "../stores/store.ts";
import type { HeldClaim } from "./claims.ts";
import { decidedBefore, decidedFor, decisionsOn } from "./decided.ts";
import { type DeliverParts, deliver } from "./deliver.ts";
import { inspectCopy } from "./inspect-copy.ts";
import type { Marks } from "./marks.ts";
import type { MaskedNow } from "./mask-now.ts";
import { operatorVersion } from "./operator-version.ts";
import type { ResultCache } from "./result-cache.ts";
import type { Route } from "./route.ts";
import type { Spool, SpoolFile } from "./spool.ts";

/** How one attempt at a job ended; `failed` is for the retry rules to judge. */
export type Outcome =
  | { readonly kind: "done" | "copied" | "skipped" | "superseded" | "rejected"; readonly detail: EventDetail }
  /** `regions`: what a person is to judge. */
  | { readonly kind: "held"; readonly detail: EventDetail; readonly regions?: KeptRegions }
  | { readonly kind: "failed"; readonly problem: Problem; readonly detail: Pick<EventDetail, "input" | "detector"> };

export interface AttemptParts extends DeliverParts {
  readonly medium: Medium;
  readonly spool: Spool;
  readonly limits: Limits;
  readonly results: ResultCache;
  readonly marks: Marks;
  readonly detector: { readonly name: string; readonly digest: string };
}

/** Whose object and in which lane. */
export interface Assignment {
  readonly job: Job;
  readonly lane: Lane;
  /** Undefined: it is not configured any more. */
  readonly route: Route | undefined;
  /** Aborted when the lease is lost. */
  readonly signal: AbortSignal;
  /** Of the claim on the job: nothing is delivered once another worker has taken it over. */
  readonly claim?: Pick<HeldClaim, "fence" | "renew">;
}

/**
 * One attempt: get, detect (unless the same bytes were masked the same way before, or a person has decided on regions),
 * render, deliver. Never throws; whatever goes wrong, nothing unmasked is written.
 */
export async function attempt(parts: AttemptParts, assignment: Assignment): Promise<Outcome> {
  const { route, signal } = assignment;
  const { detector } = parts;
  // A source looks for its objects: what is gone or another one now then announces itself.
  const watched = route?.watched ?? false;
  // What was read before it failed.
  let read: Pick<EventDetail, "input" | "detector"> = {};
  let doubt: Doubt | undefined;
  try {
    return await mask(parts, assignment, {
      onRead(input) {
        read = { input, detector };
      },
      onFound(found) {
        doubt = found;
      },
    });
  } catch (error) {
    const problem = toProblem(error);
    const { code, message } = problem;
    if (signal.aborted)
      return { kind: "failed", problem: new Problem("lease-lost", message, { cause: error }), detail: read };
    const gone = code === "changed-while-reading" || code === "not-found";
    if (gone && watched) return { kind: "superseded", detail: { code, message } };
    if (code === "doubtful") return { kind: "held", ...heldOf({ code, message, ...read }, doubt) };
    if (code === "not-an-image") return { kind: "skipped", detail: { recognised: message } };
    return { kind: "failed", problem, detail: read };
  }
}

/** What was found in a picture, and how large that is. */
interface Doubt {
  readonly regions: KeptRegions;
  readonly picture: NonNullable<EventDetail["picture"]>;
}

function heldOf(detail: EventDetail, doubt: Doubt | undefined): { detail: EventDetail; regions?: KeptRegions } {
  if (doubt === undefined) return { detail };
  const { regions, picture } = doubt;
  return { detail: { ...detail, picture, regionsDigest: regionsDigest(regions) }, regions };
}

/** Told of what an attempt came by, for what is said of it should it fail. */
interface Ears {
  onRead(input: NonNullable<EventDetail["input"]>): void;
  onFound(found: Doubt): void;
}

async function mask(parts: AttemptParts, assignment: Assignment, { onRead, onFound }: Ears): Promise<Outcome> {
  const { job, lane, route, signal, claim } = assignment;
  const { ledger, medium, detector, results } = parts;
  if (!(await ledger.isCurrent(job))) return { kind: "superseded", detail: {} };
  // It gets its own name when it is finished, and announces itself then.
  const unfinished = route?.watched ? unfinishedKind(job.input.key) : undefined;
  if (unfinished !== undefined) return { kind: "skipped", detail: { recognised: unfinished } };
  const before = await decisionsOn(ledger, job);
  if (before.rejected) return { kind: "rejected", detail: { message: "A person rejected this version before" } };
  const asked = await decidedFor(ledger, job);
  const clock = stopwatch();
  const { recognised, file, info } = await fetchOriginal(parts, job, route?.copyTypes);
  await using original = file;
  reached("fetched", job.id);
  clock.lap("get");
  const input = { size: original.size, sha256: original.sha256 };
  onRead(input);
  if (asked !== undefined) requireOf(asked, original.sha256);
  const { times, ...attributes } = route?.attributes ?? {};
  const options = {
    ...{ signal, replace: route?.originals === undefined, ...(claim !== undefined && { claim }) },
    attributes: { ...attributes, ...(times === "original" && { modifiedAt: info.modifiedAt }) },
    metadata: parts.marks.metadataOf(job, info.metadata),
  };
  if (recognised.kind === "other") {
    const copy = await inspectCopy(original, route?.copyTypes ?? []);
    if (copy === undefined) throw new Problem("not-an-image", nameOf(recognised));
    const delivered = await deliver(parts, job, copy.file, options);
    if (delivered === "superseded") return { kind: "superseded", detail: { input } };
    clock.lap("put");
    const { size, sha256, contentType } = copy.file;
    const output = { version: delivered.version, size, sha256, contentType };
    return { kind: "copied", detail: { input, output, recognised: copy.type, timings: clock.laps } };
  }
  const { policy } = job;
  const kept = asked === undefined ? await decidedBefore(ledger, before, original.sha256) : undefined;
  const decided = asked ?? kept;
  const heard = (found: Doubt) => onFound({ ...found, regions: { ...found.regions, of: original.sha256 } });
  const persons = { exactly: asked && allOf(asked), also: kept ? allOf(kept) : [] };
  const work = () => render(medium, original, assignment, { ...persons, onFound: heard, lap: clock.lap });
  const cached = () =>
    results.through({ sha256: original.sha256, policy, lane, signal }, async () => {
      clock.lap("cache");
      return await work();
    });
  // What a person decided is for one picture alone, and never meets the cache.
  await using result = await (decided === undefined ? cached() : work());
  clock.lap(decided === undefined ? "cache" : "render");
  const { masked, regions } = result;
  const delivered = await deliver(parts, job, masked, options);
  if (delivered === "superseded") return { kind: "superseded", detail: { input } };
  clock.lap("put");
  const output = {
    version: delivered.version,
    size: masked.size,
    sha256: masked.sha256,
    contentType: masked.contentType,
  };
  const from = {
    ...(asked === undefined && { detector }),
    ...(decided !== undefined && { regionsDigest: regionsDigest(decided) }),
  };
  const detail = { input, output, regions: regions.length, ...from, operator: operatorVersion, timings: clock.laps };
  return { kind: "done", detail: { ...detail, ...(result.cached && { cached: result.cached }) } };
}

/** The masked picture, which goes with the engine's hold on the original. */
async function render(
  medium: Medium,
  original: PictureFile,
  { job, lane, signal }: Assignment,
  {
    exactly,
    also,
    onFound,
    lap,
  }: Pick<Ears, "onFound"> & {
    /** A person's, in place of what the detector finds. */
    readonly exactly: readonly Region[] | undefined;
    /** A person's, beside what the detector finds. */
    readonly also: readonly Region[];
    readonly lap: (stage: string) => void;
  },
): Promise<MaskedNow> {
  await using held = new AsyncDisposableStack();
  const picture = held.use(await medium.open(original, { signal, lane }));
  lap("open");
  const { format, width, height, frames } = picture;
  const detect = async () => {
    const found = await picture.look(job.policy);
    onFound({ regions: found, picture: { width, height, frames } });
    lap("detect");
    reached("detected", job.id);
    return requireCertain(found, job.policy);
  };
  const regions = exactly ?? [...(await detect()), ...also];
  const masked = await picture.render(regions, job.policy);
  lap("render");
  reached("rendered", job.id);
  const kept = held.move();
  return { masked, regions, format, frames, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function fetchOriginal(
  { storeOf, spool, limits, marks }: AttemptParts,
  job: Job,
  copyTypes: Route["copyTypes"] = [],
): Promise<{ readonly recognised: Recognised; readonly file: SpoolFile; readonly info: ObjectInfo }> {
  const { store, key, version } = job.input;
  const { info, stream } = await storeOf(store).get(key, { version });
  if (marks.hasPassed(job.route, info.metadata)) {
    stream.destroy();
    throw new Problem("not-an-image", "a result of this route");
  }
  let recognised: Recognised = { kind: "other", name: "unknown" };
  const file = await spool.receive(stream, {
    maxBytes: limits.maxBytes,
    // A film of 10 GB is recognised by its first bytes and not copied.
    inspect(head) {
      recognised = recognise(head);
      if (recognised.kind !== "other" || (copyTypes.length > 0 && recognised.name === "text")) return;
      throw new Problem("not-an-image", nameOf(recognised));
    },
  });
  return { recognised, file, info };
}

function stopwatch() {
  const laps: Record<string, number> = {};
  let last = performance.now();
  return {
    laps,
    lap(stage: string) {
      const now = performance.now();
      laps[stage] = (laps[stage] ?? 0) + Math.round(now - last);
      last = now;
    },
  };
}
