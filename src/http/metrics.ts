import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { lanes } from "../core/job.ts";
import type { Ledger, LedgerEvent } from "../ledger/ledger.ts";
import type { RouteHealth } from "../pipeline/route-health.ts";
import type { Queue } from "../queues/queue.ts";

export interface Metrics {
  requestMasked(durationMs: number, regions: number): void;
  requestDetected(): void;
  requestRefused(code: string): void;
  /** Each durable event of a job. */
  jobEvent(event: LedgerEvent): void;
  /** The Prometheus text format. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** What is asked at scrape time. */
export interface Gauges {
  readonly ledger: Pick<Ledger, "counts">;
  readonly queue: Pick<Queue, "depth">;
  /** Those between folders. */
  routes(): readonly { readonly name: string; readonly health: Pick<RouteHealth, "problem" | "lastArrival"> }[];
  engine(): Readonly<Record<"live" | "busy" | "waiting" | "replaced", number>>;
  /** The newest leak-rate card by slice; absent: none is measured. */
  readonly evaluation?: () => Readonly<Record<"recall" | "lowerBound" | "alert", Readonly<Record<string, number>>>> & {
    /** Seconds since 1970; absent: never. */
    readonly measuredAt?: number;
  };
}

const seconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Counts what happens and measures how long it takes. */
export function createMetrics({ ledger, queue, engine, routes, evaluation }: Gauges): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: "veil_requests_total",
    help: "Synchronous requests by outcome.",
    labelNames: ["outcome"],
    registers,
  });
  const duration = new Histogram({
    name: "veil_request_seconds",
    help: "Time to mask a synchronous request.",
    buckets: seconds,
    registers,
  });
  const regions = new Counter({ name: "veil_regions_total", help: "Regions masked.", registers });
  const events = new Counter({
    name: "veil_job_events_total",
    help: "Job events by kind and code.",
    labelNames: ["kind", "code"],
    registers,
  });
  const stages = new Histogram({
    name: "veil_job_stage_seconds",
    help: "Time by stage of a job.",
    labelNames: ["stage"],
    buckets: seconds,
    registers,
  });
  const gauge = (name: string, help: string, label: string, read: () => Promise<Readonly<Record<string, number>>>) =>
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers,
      async collect() {
        this.reset();
        for (const [key, value] of Object.entries(await read())) this.set({ [label]: key }, value);
      },
    });
  gauge("veil_jobs", "Jobs by state.", "state", () => ledger.counts());
  gauge("veil_queue_depth", "Jobs not settled yet, by lane.", "lane", async () => {
    const depths = lanes.map(async (lane) => [lane, (await queue.depth?.(lane)) ?? 0] as const);
    return Object.fromEntries(await Promise.all(depths));
  });
  gauge("veil_engine_processes", "Engine processes.", "state", async () => engine());
  gauge("veil_route_broken", "1 where a route's folder can't be reached.", "route", async () =>
    Object.fromEntries(routes().map(({ name, health }) => [name, health.problem() === undefined ? 0 : 1])),
  );
  const arrival = "When the last object arrived on a route; 0: none since the start.";
  gauge("veil_route_last_arrival_timestamp_seconds", arrival, "route", async () =>
    Object.fromEntries(routes().map(({ name, health }) => [name, (health.lastArrival() ?? 0) / 1000])),
  );
  if (evaluation !== undefined) {
    const recall = "Share of labelled faces that the newest leak-rate card saw masked.";
    gauge("veil_eval_recall", recall, "slice", async () => evaluation().recall);
    const bound = "Lower 95 % bound of that share as the accepted baseline recorded it.";
    gauge("veil_eval_lower_bound", bound, "slice", async () => evaluation().lowerBound);
    const alert = "1 where the newest leak-rate card is below the baseline's lower bound.";
    gauge("veil_eval_alert", alert, "slice", async () => evaluation().alert);
    new Gauge({
      name: "veil_eval_measured_timestamp_seconds",
      help: "When the newest leak-rate card was measured.",
      registers,
      collect() {
        this.set(evaluation().measuredAt ?? 0);
      },
    });
  }

  return {
    requestMasked(durationMs, count) {
      requests.inc({ outcome: "masked" });
      duration.observe(durationMs / 1000);
      regions.inc(count);
    },
    requestDetected() {
      requests.inc({ outcome: "detected" });
    },
    requestRefused(code) {
      requests.inc({ outcome: code });
    },
    jobEvent({ kind, code = "", regions: count, timings }) {
      events.inc({ kind, code });
      if (count !== undefined) regions.inc(count);
      for (const [stage, ms] of Object.entries(timings ?? {})) stages.observe({ stage }, ms / 1000);
    },
    async render() {
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
  };
}
