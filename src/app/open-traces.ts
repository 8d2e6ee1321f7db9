import type { Config } from "../config.ts";
import type { Job } from "../core/job.ts";
import type { traceRequests } from "../http/trace-requests.ts";
import type { LedgerEvent } from "../ledger/ledger.ts";
import type { Logger } from "../log.ts";
import { version } from "../version.ts";
import { traceJobs } from "./trace-jobs.ts";

/** What is traced, where traces go somewhere. */
export interface Traces extends AsyncDisposable {
  job(job: Job, event: LedgerEvent): void;
  /** To be called before the server listens. */
  requestsOf(server: Parameters<typeof traceRequests>[0]): Promise<void>;
}

/** Traces of jobs and requests for the collector that the configuration names; without one, nothing and no library. */
export async function openTraces({ tracing: { url, share } }: Pick<Config, "tracing">, log: Logger): Promise<Traces> {
  if (url === undefined) return { job() {}, async requestsOf() {}, async [Symbol.asyncDispose]() {} };
  const { openTracing } = await import("../tracing.ts");
  const onUnsent = () => log.warn("traces could not be sent; look at tracing.url");
  const tracing = await openTracing({ url, version, share, onUnsent });
  return {
    job: traceJobs(tracing),
    async requestsOf(server) {
      const { traceRequests: trace } = await import("../http/trace-requests.ts");
      trace(server, tracing.record);
    },
    [Symbol.asyncDispose]: () => tracing[Symbol.asyncDispose](),
  };
}
