import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Confinement } from "../core/isolation.ts";
import { lanes } from "../core/job.ts";
import { type ProblemClass, type ProblemCode, problems } from "../errors.ts";
import type { Ledger, LedgerEvent } from "../ledger/ledger.ts";
import type { Paused } from "../ledger/pauses.ts";
import type { Progress } from "../pipeline/progress.ts";
import type { CacheUse } from "../pipeline/result-cache.ts";
import type { Room } from "../pipeline/room.ts";
import type { RouteHealth } from "../pipeline/route-health.ts";
import type { Queue } from "../queues/queue.ts";
import type { ConnectionBudget } from "./connection-budget.ts";
import { addConnectionGauges } from "./connection-gauges.ts";
import { keptAnswer } from "./kept-answer.ts";
import { addProgressGauges } from "./progress-gauges.ts";

export interface Metrics {
  requestMasked(durationMs: number, regions: number): void;
  requestDetected(): void;
  requestRefused(code: ProblemCode): void;
  /** Each durable event of a job. */
  jobEvent(route: string, event: LedgerEvent): void;
  cacheUse(use: CacheUse): void;
  /** The Prometheus text format; who asks at the same time as others is given the same. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** What is asked at scrape time. */
export interface Gauges {
  readonly ledger: Pick<Ledger, "counts">;
  readonly queue: Pick<Queue, "depth">;
  progress(): Promise<readonly Progress[]>;
  paused(): Paused;
  readonly room: Pick<Room, "look">;
  readonly alerts: AlertFigures;
  /** Those between folders. */
  routes(): readonly {
    readonly name: string;
    readonly health: Pick<RouteHealth, "problem" | "lastArrival" | "sinceLookMs">;
  }[];
  /** Names that events have brought and nobody has looked at yet, by route. */
  announced(): Promise<Readonly<Record<string, number>>>;
  engine(): Readonly<Record<"live" | "busy" | "waiting" | "replaced", number>>;
  readonly connections: ConnectionBudget["figures"];
  /** What engine processes are shut into. */
  readonly confinement?: Confinement;
  /** What the cache of results holds, where it knows. */
  readonly cacheBytes?: () => number;
  /** The newest leak-rate card by slice; absent: none is measured. */
  readonly evaluation?: () => Readonly<Record<"recall" | "lowerBound" | "alert", Readonly<Record<string, number>>>> & {
    /** Seconds since 1970; absent: never. */
    readonly measuredAt?: number;
  };
}

interface AlertFigures {
  raised(): Readonly<Record<string, number>>;
  waiting(): Promise<Readonly<Record<string, number>>>;
}

/** Classes of failures that are findings of a look of veil's at its own result. */
const selfChecked: Readonly<Partial<Record<ProblemClass, string>>> = { residue: "residue", doubtful: "doubt" };

const seconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Counts what happens and measures how long it takes. */
export function createMetrics(gauges: Gauges): Metrics {
  const { ledger, queue, engine, room, alerts, routes, cacheBytes, evaluation } = gauges;
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
  const failures = new Counter({
    name: "veil_job_failures_total",
    help: "Attempts that failed and jobs that died, by route and class.",
    labelNames: ["route", "class"],
    registers,
  });
  const selfChecks = new Counter({
    name: "veil_self_check_failures_total",
    help: "Results that were thrown away or held because veil's own look at them found something: residue of the original, or doubt whether every face is masked.",
    labelNames: ["check"],
    registers,
  });
  for (const check of Object.values(selfChecked)) selfChecks.inc({ check }, 0);
  const checked = (code: ProblemCode | undefined) => {
    const check = code === undefined ? undefined : selfChecked[problems[code].class];
    if (check !== undefined) selfChecks.inc({ check });
  };
  const stages = new Histogram({
    name: "veil_job_stage_seconds",
    help: "Time by stage of a job.",
    labelNames: ["stage"],
    buckets: seconds,
    registers,
  });
  const lookups = new Counter({
    name: "veil_cache_lookups_total",
    help: "Looks for a result that was masked before, by outcome: hit, miss, error, refused.",
    labelNames: ["outcome"],
    registers,
  });
  const writes = new Counter({
    name: "veil_cache_writes_total",
    help: "Results offered to the cache, by outcome: kept, too-large, error.",
    labelNames: ["outcome"],
    registers,
  });
  const cached = new Counter({
    name: "veil_cache_bytes_total",
    help: "Bytes that hits took out of the cache, and that were put in.",
    labelNames: ["direction"],
    registers,
  });
  if (cacheBytes !== undefined) {
    new Gauge({
      name: "veil_cache_size_bytes",
      help: "Bytes that the cache of results holds.",
      registers,
      collect() {
        this.set(cacheBytes());
      },
    });
  }
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
  addProgressGauges(registers, gauges);
  addConnectionGauges(registers, gauges.connections);
  gauge("veil_room_used_ratio", "How full the fullest place is; at 1 no new work is taken.", "of", async () => ({
    fullest: (await room.look()).share,
  }));
  gauge("veil_alerts_raised", "Alerts since the start, by kind.", "kind", async () => alerts.raised());
  gauge("veil_alerts_waiting", "Messages that wait to be sent, by channel.", "channel", () => alerts.waiting());
  gauge("veil_engine_processes", "Engine processes.", "state", async () => engine());
  if (gauges.confinement !== undefined) {
    const { kind, offline, blind } = gauges.confinement;
    const shut = "1 for what engine processes are shut into; whether they reach a network or files of others.";
    const labels = { kind, network: offline ? "no" : "yes", files: blind ? "no" : "yes" };
    const labelNames = ["kind", "network", "files"];
    new Gauge({ name: "veil_engine_isolation", help: shut, labelNames, registers }).set(labels, 1);
  }
  gauge("veil_route_broken", "1 where a route's folder can't be reached.", "route", async () =>
    Object.fromEntries(routes().map(({ name, health }) => [name, health.problem() === undefined ? 0 : 1])),
  );
  const arrival = "When the last object arrived on a route; 0: none since the start.";
  gauge("veil_route_last_arrival_timestamp_seconds", arrival, "route", async () =>
    Object.fromEntries(routes().map(({ name, health }) => [name, (health.lastArrival() ?? 0) / 1000])),
  );
  const lag = "Since when the last comparison of a route with the ledger that came to its end had begun.";
  gauge("veil_route_reconcile_lag_seconds", lag, "route", async () => {
    const lags = routes().map(({ name, health }) => [name, health.sinceLookMs()] as const);
    return Object.fromEntries(lags.flatMap(([name, ms]) => (ms === undefined ? [] : [[name, ms / 1000]])));
  });
  const waiting = "Names that events brought and that wait for a look.";
  gauge("veil_announcements_waiting", waiting, "route", async () => ({
    ...Object.fromEntries(routes().map(({ name }) => [name, 0])),
    ...(await gauges.announced()),
  }));
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
      checked(code);
    },
    jobEvent(route, { kind, code, regions: count, timings }) {
      events.inc({ kind, code: code ?? "" });
      if (kind === "failed" || kind === "dead" || kind === "held") checked(code);
      if (code !== undefined && (kind === "failed" || kind === "dead"))
        failures.inc({ route, class: problems[code].class });
      if (count !== undefined) regions.inc(count);
      for (const [stage, ms] of Object.entries(timings ?? {})) stages.observe({ stage }, ms / 1000);
    },
    cacheUse({ verb, outcome, bytes }) {
      (verb === "find" ? lookups : writes).inc({ outcome });
      if (bytes !== undefined) cached.inc({ direction: verb === "find" ? "out" : "in" }, bytes);
    },
    render: keptAnswer(async () => ({ contentType: registry.contentType, text: await registry.metrics() })),
  };
}
