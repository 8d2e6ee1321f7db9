import { policyDigest } from "../core/policy.ts";
import type { JobRecord, Ledger } from "../ledger/ledger.ts";
import type { Store } from "../stores/store.ts";
import { type AdmitParts, publish, revisionOf } from "./admit.ts";
import { deliveredOf } from "./delivered.ts";
import { operatorVersion } from "./operator-version.ts";
import type { Room } from "./room.ts";
import type { Route } from "./route.ts";

/** In what a result was made differently from today: the policy, the detector's model, what masks, or veil itself. */
export const rerunReasons = ["policy", "model", "operator", "version"] as const;
export type RerunReason = (typeof rerunReasons)[number];

export interface RerunParts extends Pick<AdmitParts, "queue" | "installationKey"> {
  readonly ledger: Pick<Ledger, "find" | "isCurrent" | "admit" | "published">;
  readonly route: Pick<Route, "name" | "policy">;
  readonly input: Pick<Store, "head">;
  readonly detector: { readonly digest: string };
  readonly room: Pick<Room, "wait">;
  readonly signal: AbortSignal;
}

export interface RerunOptions {
  /** Only count. */
  readonly dryRun: boolean;
  /** Which originals; absent: all. */
  readonly selects?: ((key: string) => boolean) | undefined;
}

export interface Rerun {
  /** Results that would be, or were, masked again. */
  readonly due: number;
  /** Of those, by reason; one may have several. */
  readonly reasons: Readonly<Record<RerunReason, number>>;
  /** Admitted now; fewer than `due` in a dry run, or where it was cut off. */
  readonly admitted: number;
  /** Also made differently, but their originals are not there any more: moved, deleted, or never kept. */
  readonly gone: number;
  /** Also made differently, but their originals have changed: as new versions they come by themselves. */
  readonly changed: number;
  /** How long one took when it was masked, on average; absent: nothing is known. */
  readonly meanMs?: number;
}

const pageSize = 100;

/**
 * Has everything masked again that a route delivered and that would be made differently today, as new revisions in the
 * bulk lane, page by page and as room allows. Cut off and begun again it goes on; run twice it does nothing more. Each
 * result replaces the older one when it is there.
 */
export async function rerunRoute(parts: RerunParts, { dryRun, selects }: RerunOptions): Promise<Rerun> {
  const { ledger, queue, installationKey, route, detector, room, signal } = parts;
  const count = { due: 0, admitted: 0, gone: 0, changed: 0 };
  const reasons: Record<RerunReason, number> = { policy: 0, model: 0, operator: 0, version: 0 };
  let [timed, totalMs] = [0, 0];
  let page: JobRecord[] = [];

  async function admitPage(): Promise<void> {
    const records = page;
    page = [];
    if (dryRun || records.length === 0) return;
    await room.wait(signal);
    if (signal.aborted) return;
    const asked = { policy: route.policy, lane: "bulk" as const };
    const candidates = records.map((record) =>
      revisionOf(record, asked, { installationKey, modelDigests: [detector.digest] }),
    );
    const admissions = await ledger.admit(candidates);
    count.admitted += admissions.filter(({ fresh }) => fresh).length;
    await publish(
      { ledger, queue },
      admissions.map(({ record }) => record).filter(({ state }) => state === "admitted"),
    );
  }

  for await (const record of deliveredOf(ledger, route.name)) {
    if (signal.aborted) break;
    const { job, state, last } = record;
    if (state !== "done" || selects?.(job.input.key) === false) continue;
    const why = reasonsFor(record, parts);
    // What has a newer job, done or not, is that one's business: a rerun that was cut off goes on so.
    if (why.length === 0 || !(await ledger.isCurrent(job))) continue;
    const there = await parts.input.head(job.input.key);
    if (there?.version !== job.input.version) {
      count[there === undefined ? "gone" : "changed"] += 1;
      continue;
    }
    count.due += 1;
    for (const reason of why) reasons[reason] += 1;
    if (last.timings !== undefined && !last.cached) {
      timed += 1;
      totalMs += Object.values(last.timings).reduce((sum, ms) => sum + ms, 0);
    }
    page.push(record);
    if (page.length === pageSize) await admitPage();
  }
  await admitPage();
  return { ...count, reasons, ...(timed > 0 && { meanMs: totalMs / timed }) };
}

function reasonsFor({ job, last }: JobRecord, { route, detector }: RerunParts): readonly RerunReason[] {
  const [veil, operator] = splitVersion(last.operator ?? `${last.veil ?? ""}/`);
  const [veilNow, operatorNow] = splitVersion(operatorVersion);
  const differs: Record<RerunReason, boolean> = {
    policy: policyDigest(job.policy) !== policyDigest(route.policy),
    // What a person decided on, no model found.
    model: job.regionsDigest === undefined && last.detector?.digest !== detector.digest,
    operator: operator !== operatorNow,
    version: veil !== veilNow,
  };
  return rerunReasons.filter((reason) => differs[reason]);
}

function splitVersion(operator: string): readonly [string, string] {
  const slash = operator.lastIndexOf("/");
  return [operator.slice(0, slash), operator.slice(slash + 1)];
}
