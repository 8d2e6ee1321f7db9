import type { Alert } from "../alerts/alert.ts";
import { deadLetterAlert } from "../alerts/dead-letter.ts";
import type { Job } from "../core/job.ts";
import type { LedgerEvent } from "../ledger/ledger.ts";
import type { Logger } from "../log.ts";

export interface JobEars {
  readonly log: Logger;
  readonly onAlert: (alert: Alert) => void;
  readonly count: (route: string, event: LedgerEvent) => void;
}

/** What is told of each durable event of a job, in the log, the metrics and, for a dead letter, an alert. */
export function tellOfJobs({ log, onAlert, count }: JobEars): (job: Job, event: LedgerEvent) => void {
  return (job, event) => {
    count(job.route, event);
    const level = event.kind === "dead" ? "warn" : "info";
    const about = { job: job.id, route: job.route, key: job.input.key, code: event.code, reason: event.message };
    log[level]({ ...about, regions: event.regions }, `job ${event.kind}`);
    if (event.kind === "dead") onAlert(deadLetterAlert(job, event));
  };
}
