import type { Job } from "../core/job.ts";
import type { LedgerEvent } from "../ledger/ledger.ts";
import type { Tracing } from "../tracing.ts";

/** Kinds of events by which an attempt ends. */
const ends = new Set<LedgerEvent["kind"]>([
  "failed",
  "done",
  "copied",
  "skipped",
  "held",
  "rejected",
  "dead",
  "superseded",
]);
/** Beyond it what was lost on its way is forgotten. */
const mostStarted = 10_000;

/** Each attempt at a job as a span with its stages, in the trace that has the job's id. */
export function traceJobs(tracing: Tracing): (job: Job, event: LedgerEvent) => void {
  const started = new Map<string, number>();
  return ({ id, route }, { kind, at, attempt, code, regions, cached, timings = {}, input }) => {
    if (kind === "started") {
      if (started.size >= mostStarted) started.clear();
      started.set(id, at);
    }
    if (!ends.has(kind)) return;
    const from = started.get(id) ?? at;
    started.delete(id);
    const parts: { readonly name: string; readonly from: number; readonly to: number }[] = [];
    for (const [name, ms] of Object.entries(timings)) {
      const begin = parts.at(-1)?.to ?? from;
      parts.push({ name, from: begin, to: begin + ms });
    }
    tracing.record({
      ...{ name: `job ${kind}`, from, to: Math.max(at, parts.at(-1)?.to ?? at), traceId: id, failure: code, parts },
      attributes: {
        ...{ "veil.job": id, "veil.route": route, "veil.outcome": kind },
        ...(attempt !== undefined && { "veil.attempt": attempt }),
        ...(regions !== undefined && { "veil.regions": regions }),
        ...(cached && { "veil.cached": true }),
        ...(input !== undefined && { "veil.bytes": input.size }),
      },
    });
  };
}
