import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { createAlone } from "./app/alone.ts";
import { installationStatus } from "./app/installation-status.ts";
import { keepCertificate } from "./app/keep-certificate.ts";
import { addressOf, listen } from "./app/listen.ts";
import { openAccess } from "./app/open-access.ts";
import { openAlerts } from "./app/open-alerts.ts";
import { openEvaluation } from "./app/open-evaluation.ts";
import { openMonitor } from "./app/open-monitor.ts";
import { openTraces } from "./app/open-traces.ts";
import { recordsOf } from "./app/records-of.ts";
import { resultsIn } from "./app/results-in.ts";
import { retentionOf } from "./app/retention-of.ts";
import { tellOfJobs } from "./app/tell-of-jobs.ts";
import { createWorkLimits } from "./app/work-limits.ts";
import { rolesOf } from "./config/roles.ts";
import type { Config } from "./config.ts";
import { parseDetectors } from "./core/detector.ts";
import { confinementWords, isConfined } from "./core/isolation.ts";
import { claimDataFolder, lockDataFolder } from "./data-claim.ts";
import { openDataFolder, readyFolders } from "./data-folder.ts";
import { evaluationsIn, placesIn } from "./data-places.ts";
import { openCache, openFeeds } from "./drivers.ts";
import { createPool } from "./engine/pool.ts";
import type { Problem } from "./errors.ts";
import { announceFor, hearsEvents, openWebhook, runFeeds } from "./events.ts";
import { createFolderRoutes } from "./folder-routes.ts";
import { createConnectionBudget } from "./http/connection-budget.ts";
import { closeWithin } from "./http/connections.ts";
import { createMetrics } from "./http/metrics.ts";
import { createReadiness } from "./http/readiness.ts";
import { createSealer } from "./ledger/sealer.ts";
import { createTombstones } from "./ledger/tombstone.ts";
import type { Logger } from "./log.ts";
import { createAdmit, createRerun } from "./pipeline/admit.ts";
import { createMarks } from "./pipeline/marks.ts";
import { knownPauses } from "./pipeline/pauses.ts";
import { createRedrive } from "./pipeline/redrive.ts";
import { keepRepublishing } from "./pipeline/republish.ts";
import { keepRetention } from "./pipeline/retain.ts";
import { createReview } from "./pipeline/review.ts";
import { routeOfUploads } from "./pipeline/route.ts";
import { openSpool } from "./pipeline/spool.ts";
import { createStuckRoutes } from "./pipeline/stuck-routes.ts";
import { createSubmit } from "./pipeline/submit.ts";
import { runWorker } from "./pipeline/worker.ts";

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

/** Jobs in work for each engine process: one is fetched or written while another is masked. */
const jobsPerProcess = 2;
/** How long open requests may take to end when veil stops. */
const graceMs = 10_000;

/** Configuration in, running service out. What was started is stopped again if a later step fails. */
export async function startApp(config: Config, log: Logger): Promise<App> {
  const { dataDir, jobs, limits, engine, policy } = config;
  const onProblem = (problem: Problem) => log.warn({ code: problem.code }, problem.message);
  const onFault = ({ code, message }: Problem) => log.error({ code }, message);
  const roles = rolesOf(config);
  await using started = new AsyncDisposableStack();

  // The data folder is this process's own before anything is written into it.
  await claimDataFolder(dataDir);
  const lock = started.use(lockDataFolder(dataDir));
  const places = placesIn(dataDir);
  const spool = started.adopt(await openSpool(places.spool), (it) => it.close());

  // An engine process takes longest to start: the rest is opened meanwhile, and a failure waits until it is asked for.
  const wanted = { detectors: parseDetectors(config.detector)!, models: places.models };
  // Whoever only finds pictures needs the detector's name, which goes into every job's.
  const onlySources = roles.size === 1 && roles.has("sources") ? { processes: 1 } : {};
  const pool = started.adopt(
    createPool({ ...engine, ...onlySources, limits, spool: spool.folder, detector: wanted }),
    (it) => it.close(),
  );
  const loading = pool.detector();
  loading.catch(() => {});

  // What lasts, and what works on it.
  const data = started.use(await openDataFolder(config, onProblem, "service", spool.folder));
  const { heads: headsFile, sealMs: everyMs } = config.ledger;
  const sealing = { seals: data.seals, signer: await data.openSigner(), headsFile, everyMs, onProblem: onFault };
  // Closed after all that writes: the last record is sealed too.
  const sealer = started.adopt(createSealer(sealing), (it) => it.close());
  if (roles.has("sources") || roles.has("worker")) await readyFolders(config);
  const { ledger, queue, storeOf, installationKey, pauses, puts, replica: holder } = data;
  const isShared = config.ledger.driver === "postgres";
  if (isShared && config.queue.driver !== "sqlite" && jobs.folder === undefined && roles.has("api")) {
    log.warn("uploads to the jobs API lie in this data folder, where no other process finds them: set jobs.folder");
  }
  const alone = createAlone(config, data, onProblem);
  const cache = await openCache(config, places.cache, data.dataKeys);
  if (cache !== undefined) started.defer(() => cache.close());
  const { createServer } = await import("./http/server.ts");
  const detector = await loading;
  const confinement = await pool.confinement();
  const level = isConfined(confinement) ? "info" : "warn";
  log[level]({ passedOver: confinement.passedOver }, `engine.isolation is ${confinementWords(confinement)}`);

  // Who is told, and when work waits.
  const isSummaryMine = alone.once("alerts.summary", 12);
  const alerts = started.adopt(
    await openAlerts(config, { data, secretFile: places.webhookSecret, isSummaryMine, log, onProblem }),
    (it) => it.close(),
  );
  const onAlert = alerts.raise;
  const work = await createWorkLimits(config, { data, spool: spool.folder, onAlert, onProblem });
  const { room, paused } = work;
  const stuck = createStuckRoutes({ now: Date.now, uptime: () => performance.now() });

  // From where to where.
  const uploads = routeOfUploads(policy);
  const routes = new Map([[uploads.name, uploads]]);
  const keyed = { ledger, queue, installationKey, modelDigests: [detector.digest], onProblem };
  const admit = createAdmit(keyed);
  const redrive = createRedrive(keyed);
  const traces = started.use(await openTraces(config, log));
  const told = tellOfJobs({ log, onAlert, count: (route, event) => metrics.jobEvent(route, event) });
  const observe: typeof told = (job, event) => {
    told(job, event);
    traces.job(job, event);
  };
  const watching = { watches: roles.has("sources"), hears: hearsEvents(config), alone: alone.run, isShared };
  const folders = createFolderRoutes(config, routes, {
    ...{ data, admit, redrive, puts, room, log, onProblem, onAlert, observe, ...watching },
  });
  const submit = createSubmit({ ...keyed, admit, rerun: createRerun(keyed), redrive, routes, uploads, storeOf });
  const evaluation = await openEvaluation(config, { place: evaluationsIn(dataDir), onAlert, log });

  // The ways in by HTTP.
  const access = started.use(await openAccess(config, { data, onProblem }));
  const connections = createConnectionBudget(access);
  const metrics = createMetrics({
    ...{
      ledger,
      queue,
      connections: connections.figures,
      engine: pool.stats,
      confinement,
      ...(cache?.bytes && { cacheBytes: cache.bytes }),
    },
    ...{ progress: work.progress, paused: paused.current, room, alerts, announced: data.announcements.waiting },
    routes: () => folders.current().map(({ route, health }) => ({ name: route.name, health })),
    ...(evaluation && { evaluation: evaluation.figures }),
  });
  const resultParts = { spool, detector, installationKey, observe: metrics.cacheUse, onProblem, log };
  const results = resultsIn(cache, config, resultParts);
  const core = { medium: pool, spool, limits, results, detector, ledger, queue, storeOf };
  const names = () => folders.current().map(({ route }) => route.name);
  const isAtRoutes = roles.has("sources") || roles.has("worker");
  const parts = {
    ...{ ...core, maxBatch: limits.maxBatch, policy, submit, metrics, room, access },
    // What this process has to do with routes: one that only answers requests has nothing.
    readiness: createReadiness({ ...core, pool, routes: () => (isAtRoutes ? folders.current() : []) }),
    records: recordsOf(data.seals),
    review: createReview({ ...keyed, puts, storeOf }),
    status: await installationStatus(config, { detector, folders, work, stuck }),
    page: fileURLToPath(new URL("../web/dist", import.meta.url)),
    pauses: knownPauses(pauses, ledger, names, paused.lookNow),
  };
  const ways = { api: roles.has("api"), limits: config.http, connections };
  const server = started.adopt(await createServer(parts, log, ways), (it) => closeWithin(it, graceMs));
  await traces.requestsOf(server);
  await listen(server, { ...config, section: "" });
  started.use(await openMonitor(config, { ...parts, connections }, log));

  // The ways in of events.
  const announce = announceFor({ announcements: data.announcements, folders, onProblem });
  const feeds = roles.has("sources") ? await openFeeds(config, onProblem) : [];
  const taker = roles.has("api") ? await openWebhook(config, { announce, room, connections, log }) : undefined;
  if (taker !== undefined) {
    started.adopt(taker, (it) => closeWithin(it, graceMs));
    await listen(taker, { ...config.events.webhook, section: "events.webhook." });
    log.info({ address: taker.listeningOrigin }, "events of stores are taken at /webhook");
  }

  // The loops: each ends when `signal` aborts.
  const stopping = new AbortController();
  const { signal } = stopping;
  const workerParts = {
    ...{ ...core, ...jobs, routes, puts, concurrency: engine.processes * jobsPerProcess, pace: work.pace, stuck },
    ...{ now: Date.now, random: Math.random, onProblem, observe, holder, claimMs: jobs.leaseMs },
    ...{ bury: createTombstones(installationKey), marks: createMarks(installationKey) },
  };
  const retention = retentionOf(config, { data, cache, alone });
  const republishing = { ledger, queue, republishAfterMs: jobs.leaseMs * 4, onProblem };
  const loops = [
    ...(roles.has("worker") ? [runWorker(workerParts, signal)] : []),
    folders.run(signal),
    ...(feeds.length > 0 ? [runFeeds(feeds, announce, { signal, onProblem })] : []),
    alerts.run(signal),
    room.run(signal),
    paused.run(signal),
    alone.run("republish", signal, (mine) => keepRepublishing({ ...republishing, signal: mine })),
    keepRetention({ ...retention, signal, onProblem }),
    alone.run("sealer", signal, sealer.run),
    ...(evaluation ? [evaluation.run(signal)] : []),
  ];
  keepCertificate(server, config, { certificate: access.certificate, signal, log, onProblem: onFault });
  started.defer(async () => {
    stopping.abort();
    await Promise.allSettled([closeWithin(server, graceMs), ...loops]);
  });

  const address = addressOf(server.server.address() as AddressInfo, access.certificate ? "https" : "http");
  lock.tell(address);
  const running = started.move();
  return {
    address,
    detector,
    ended: Promise.race(loops),
    async applyRoutes(next) {
      const changed = await folders.apply(next);
      await work.measureFor({ ...next, dataDir });
      return changed;
    },
    stop: () => running.disposeAsync(),
  };
}
