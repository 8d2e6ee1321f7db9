import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import type { Config } from "./config.ts";
import type { Alert } from "./core/alert.ts";
import { parseDetectors } from "./core/detector.ts";
import type { Job } from "./core/job.ts";
import { createSerial } from "./core/serial.ts";
import {
  claimDataFolder,
  evaluationsIn,
  lockDataFolder,
  openDataFolder,
  placesIn,
  readyFolders,
} from "./data-folder.ts";
import { hasHeicDecoder } from "./engine/heic.ts";
import { createPool } from "./engine/pool.ts";
import { Problem } from "./errors.ts";
import { createEvaluationSchedule } from "./eval-schedule.ts";
import { createFolderRoutes } from "./folder-routes.ts";
import { createMetrics } from "./http/metrics.ts";
import { statusOf } from "./http/status.ts";
import type { LedgerEvent } from "./ledger/ledger.ts";
import type { Logger } from "./log.ts";
import { createAdmit, createRerun } from "./pipeline/admit.ts";
import { createRedrive } from "./pipeline/redrive.ts";
import { keepRepublishing } from "./pipeline/republish.ts";
import { keepRetention } from "./pipeline/retain.ts";
import type { Route } from "./pipeline/route.ts";
import { openSpool } from "./pipeline/spool.ts";
import { createSubmit } from "./pipeline/submit.ts";
import { runWorker } from "./pipeline/worker.ts";
import { version } from "./version.ts";

export interface App {
  /** Where the page is, for example `http://127.0.0.1:8080`. */
  readonly address: string;
  readonly detector: { readonly name: string; readonly digest: string };
  /** Settles when something ends that a restart must mend; rejects with its cause. */
  readonly ended: Promise<unknown>;
  /** Makes the routes those of another configuration, without a stop; answers which have changed. */
  applyRoutes(config: Config): Promise<readonly string[]>;
  /** Takes nothing new, finishes what is in work, and closes everything. */
  stop(): Promise<void>;
}

/** How long open requests may take to end when veil stops. */
const graceMs = 10_000;

export interface AppOptions {
  /** Told what a person should hear of without asking, beside the log. */
  readonly onAlert?: (alert: Alert) => void;
}

/** Configuration in, running service out. What was started is stopped again if a later step fails. */
export async function startApp(config: Config, log: Logger, options: AppOptions = {}): Promise<App> {
  const { dataDir, jobs, limits, engine, policy } = config;
  const onProblem = (problem: Problem) => log.warn({ code: problem.code }, problem.message);
  await using started = new AsyncDisposableStack();

  // The data folder is this process's own before anything is written into it.
  await claimDataFolder(dataDir);
  const lock = started.use(lockDataFolder(dataDir));
  const places = placesIn(dataDir);
  const spool = started.adopt(await openSpool(places.spool), (it) => it.close());

  // An engine process takes longest to start: the rest is opened meanwhile, and a failure waits until it is asked for.
  const wanted = { detectors: parseDetectors(config.detector)!, models: places.models, cache: places.models };
  const pool = started.adopt(createPool({ ...engine, limits, spool: spool.folder, detector: wanted }), (it) =>
    it.close(),
  );
  const loading = pool.detector();
  loading.catch(() => {});

  // What lasts, and what works on it.
  const data = started.use(await openDataFolder(config, onProblem));
  await readyFolders(config);
  const { ledger, queue, storeOf, installationKey } = data;
  const { closeWithin, createServer } = await import("./http/server.ts");
  const detector = await loading;

  // From where to where.
  const uploads: Route = {
    ...{ name: "upload", input: "inbox", output: "results", lane: "interactive", policy },
    ...{ watched: false, removeInput: true },
  };
  const routes = new Map([[uploads.name, uploads]]);
  const keyed = { ledger, queue, installationKey, modelDigests: [detector.digest], onProblem };
  const admit = createAdmit(keyed);
  const redrive = createRedrive(keyed);
  const observe = (job: Job, event: LedgerEvent) => {
    metrics.jobEvent(event);
    const level = event.kind === "dead" ? "warn" : "info";
    const about = { job: job.id, route: job.route, key: job.input.key, code: event.code, reason: event.message };
    log[level]({ ...about, regions: event.regions }, `job ${event.kind}`);
  };
  const onAlert = (alert: Alert) => {
    log.error({ alert: alert.kind, route: alert.route }, alert.message);
    options.onAlert?.(alert);
  };
  const folders = createFolderRoutes(config, routes, { data, admit, redrive, log, onProblem, onAlert, observe });
  const submit = createSubmit({ ...keyed, admit, rerun: createRerun(keyed), redrive, routes, uploads, storeOf });

  // How many faces leak, measured again and again.
  const evaluation =
    config.eval.folder === undefined
      ? undefined
      : await createEvaluationSchedule({
          ...{ config, place: evaluationsIn(dataDir) },
          onAlert: ({ slice, message }) => log.error({ slice }, `leak rate: ${message}`),
          onProblem: ({ code, message }) => log.error({ code }, message),
        });

  // The ways in by HTTP.
  const formats = ["jpeg", "png", "webp", "avif", "tiff", "gif", ...((await hasHeicDecoder()) ? ["heic"] : [])];
  const metrics = createMetrics({
    ledger,
    queue,
    engine: pool.stats,
    routes: () => folders.current().map(({ route, health }) => ({ name: route.name, health })),
    ...(evaluation && { evaluation: evaluation.figures }),
  });
  const facts = { version, detector, limits, formats, policy };
  const status = () => statusOf({ ...facts, routes: folders.current() });
  const page = fileURLToPath(new URL("../web/dist", import.meta.url));
  const core = { medium: pool, spool, limits, detector, ledger, queue, storeOf };
  const parts = { ...core, maxBatch: limits.maxBatch, policy, submit, metrics, status, page, pool };
  const server = started.adopt(await createServer(parts, log), (it) => closeWithin(it, graceMs));
  await server.listen({ host: config.host, port: config.port }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "EADDRINUSE") throw cause;
    const remedy = "Stop what uses it, or choose another one: npm start -- --port 8090";
    throw new Problem("invalid-config", `Port ${config.port} is taken already`, { remedy, cause });
  });

  // The loops: each ends when `signal` aborts.
  const stopping = new AbortController();
  const { signal } = stopping;
  const worker = runWorker(
    {
      ...{ ...core, ...jobs, routes, puts: createSerial(), concurrency: engine.processes },
      ...{ now: Date.now, random: Math.random, onProblem, observe },
    },
    signal,
  );
  const kept = { ledger, route: uploads.name, inbox: storeOf("inbox"), results: storeOf("results") };
  const loops = [
    worker,
    folders.run(signal),
    keepRepublishing({ ledger, queue, republishAfterMs: jobs.leaseMs * 4, signal, onProblem }),
    keepRetention({ ...kept, retainHours: jobs.retainHours, sweep: data.sweep, signal, onProblem }),
    ...(evaluation ? [evaluation.run(signal)] : []),
  ];
  started.defer(async () => {
    stopping.abort();
    await Promise.allSettled([closeWithin(server, graceMs), ...loops]);
  });

  const address = addressOf(server.server.address() as AddressInfo);
  lock.tell(address);
  const running = started.move();
  return {
    address,
    detector,
    ended: Promise.race(loops),
    applyRoutes: folders.apply,
    stop: () => running.disposeAsync(),
  };
}

function addressOf({ address, family, port }: AddressInfo): string {
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}
