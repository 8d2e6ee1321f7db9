import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { createAlerts } from "./alerts/alerts.ts";
import { deadLetterAlert } from "./alerts/dead-letter.ts";
import { rolesOf } from "./config/roles.ts";
import type { Config } from "./config.ts";
import { parseDayWindow } from "./core/day-window.ts";
import { parseDetectors } from "./core/detector.ts";
import type { Job } from "./core/job.ts";
import { claimDataFolder, lockDataFolder } from "./data-claim.ts";
import { openDataFolder, readyFolders } from "./data-folder.ts";
import { evaluationsIn, placesIn } from "./data-places.ts";
import { disksOf } from "./disks.ts";
import { openAlertChannels, openCache, openFeeds } from "./drivers.ts";
import { hasHeicDecoder } from "./engine/heic.ts";
import { createPool } from "./engine/pool.ts";
import { Problem } from "./errors.ts";
import { createEvaluationSchedule } from "./eval-schedule.ts";
import { announceFor, hearsEvents, openWebhook, runFeeds } from "./events.ts";
import { createFolderRoutes } from "./folder-routes.ts";
import { createMetrics } from "./http/metrics.ts";
import { statusOf } from "./http/status.ts";
import type { LedgerEvent } from "./ledger/ledger.ts";
import { createSealer } from "./ledger/sealer.ts";
import { createTombstones } from "./ledger/tombstone.ts";
import type { Logger } from "./log.ts";
import { createAdmit, createRerun } from "./pipeline/admit.ts";
import { createMarks } from "./pipeline/marks.ts";
import { createPace } from "./pipeline/pace.ts";
import { knownPauses, watchPauses } from "./pipeline/pauses.ts";
import { readProgress } from "./pipeline/progress.ts";
import { createRedrive } from "./pipeline/redrive.ts";
import { keepRepublishing } from "./pipeline/republish.ts";
import { createResultCache, noResultCache } from "./pipeline/result-cache.ts";
import { keepRetention } from "./pipeline/retain.ts";
import { createReview } from "./pipeline/review.ts";
import { createRoom } from "./pipeline/room.ts";
import { type Route, uploadRoute } from "./pipeline/route.ts";
import { openSpool } from "./pipeline/spool.ts";
import { createSubmit } from "./pipeline/submit.ts";
import { type RunAlone, whileLeased } from "./pipeline/while-leased.ts";
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

const MiB = 2 ** 20;
/** Jobs in work for each engine process: one is fetched or written while another is masked. */
const jobsPerProcess = 2;
/** How long open requests may take to end when veil stops. */
const graceMs = 10_000;

/** Configuration in, running service out. What was started is stopped again if a later step fails. */
export async function startApp(config: Config, log: Logger): Promise<App> {
  const { dataDir, jobs, limits, engine, policy } = config;
  const onProblem = (problem: Problem) => log.warn({ code: problem.code }, problem.message);
  const roles = rolesOf(config);
  await using started = new AsyncDisposableStack();

  // The data folder is this process's own before anything is written into it.
  await claimDataFolder(dataDir);
  const lock = started.use(lockDataFolder(dataDir));
  const places = placesIn(dataDir);
  const spool = started.adopt(await openSpool(places.spool), (it) => it.close());

  // An engine process takes longest to start: the rest is opened meanwhile, and a failure waits until it is asked for.
  const wanted = { detectors: parseDetectors(config.detector)!, models: places.models, cache: places.models };
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
  const signer = await data.openSigner();
  const onSealProblem = ({ code, message }: Problem) => log.error({ code }, message);
  const { heads: headsFile, sealMs: everyMs } = config.ledger;
  const sealing = { seals: data.seals, signer, headsFile, everyMs, onProblem: onSealProblem };
  // Closed after all that writes: the last record is sealed too.
  const sealer = started.adopt(createSealer(sealing), (it) => it.close());
  if (roles.has("sources") || roles.has("worker")) await readyFolders(config);
  const { ledger, queue, storeOf, installationKey, sqlite, leases, pauses, puts, replica: holder } = data;
  const isShared = config.ledger.driver === "postgres";
  if (isShared && config.queue.driver !== "sqlite" && jobs.folder === undefined && roles.has("api")) {
    log.warn("uploads to the jobs API lie in this data folder, where no other process finds them: set jobs.folder");
  }
  // Without a shared ledger the data folder's lock says that there is no other one.
  const alone: RunAlone = (name, signal, work, onTurn) => {
    if (isShared)
      return whileLeased(
        { leases, name, holder, ttlMs: jobs.leaseMs, onProblem, ...(onTurn && { onTurn }) },
        signal,
        work,
      );
    onTurn?.(true);
    return work(signal);
  };
  const once = (name: string, hours: number) => async () =>
    !isShared || (await leases.acquire(name, holder, hours * 3_600_000)) !== undefined;
  const cache = await openCache(config, places.cache);
  if (cache !== undefined) started.defer(() => cache.close());
  const { closeWithin, createServer } = await import("./http/server.ts");
  const detector = await loading;

  // Who is told, and when work waits.
  const channels = await openAlertChannels(config, places.webhookSecret);
  const alerts = started.adopt(
    await createAlerts({
      ...{ sqlite, ledger, channels, intervalMs: config.alerts.intervalMinutes * 60_000 },
      ...{ summaryHour: config.alerts.summaryHour, isSummaryMine: once("alerts.summary", 12), onProblem },
      log: ({ kind, route, message }) => log.error({ alert: kind, route }, message),
    }),
    (it) => it.close(),
  );
  const onAlert = alerts.raise;
  let disks = await disksOf(config);
  const room = createRoom({
    ...{ spool: spool.folder, spoolBytes: limits.spoolMb * MiB, reserveBytes: limits.reserveMb * MiB },
    ...{ disks: () => disks, onAlert, onProblem },
  });
  const paused = await watchPauses(pauses, onProblem);
  const window = jobs.window === undefined ? undefined : parseDayWindow(jobs.window);
  const pace = createPace({ room, paused: paused.current, ratePerMinute: jobs.ratePerMinute, window });
  const progress = () => readProgress(ledger, Date.now(), window);

  // From where to where.
  const uploads: Route = {
    ...{ name: uploadRoute, input: "inbox", output: "results", lane: "interactive", policy },
    ...{ watched: false, removeInput: true },
  };
  const routes = new Map([[uploads.name, uploads]]);
  const keyed = { ledger, queue, installationKey, modelDigests: [detector.digest], onProblem };
  const admit = createAdmit(keyed);
  const redrive = createRedrive(keyed);
  const observe = (job: Job, event: LedgerEvent) => {
    metrics.jobEvent(job.route, event);
    const level = event.kind === "dead" ? "warn" : "info";
    const about = { job: job.id, route: job.route, key: job.input.key, code: event.code, reason: event.message };
    log[level]({ ...about, regions: event.regions }, `job ${event.kind}`);
    if (event.kind === "dead") onAlert(deadLetterAlert(job, event));
  };
  const folders = createFolderRoutes(config, routes, {
    ...{
      data,
      admit,
      redrive,
      puts,
      room,
      log,
      onProblem,
      onAlert,
      observe,
      alone,
      watches: roles.has("sources"),
      hears: hearsEvents(config),
    },
  });
  const submit = createSubmit({ ...keyed, admit, rerun: createRerun(keyed), redrive, routes, uploads, storeOf });

  // How many faces leak, measured again and again.
  const evaluation =
    config.eval.folder === undefined
      ? undefined
      : await createEvaluationSchedule({
          ...{ config, place: evaluationsIn(dataDir) },
          onAlert: ({ message }) => onAlert({ kind: "leak-rate", message: `leak rate: ${message}`, at: Date.now() }),
          onProblem: ({ code, message }) => log.error({ code }, message),
        });

  // The ways in by HTTP.
  const formats = ["jpeg", "png", "webp", "avif", "tiff", "gif", ...((await hasHeicDecoder()) ? ["heic"] : [])];
  const metrics = createMetrics({
    ledger,
    queue,
    engine: pool.stats,
    ...(cache?.bytes && { cacheBytes: cache.bytes }),
    ...{ progress, paused: paused.current, room, alerts, announced: data.announcements.waiting },
    routes: () => folders.current().map(({ route, health }) => ({ name: route.name, health })),
    ...(evaluation && { evaluation: evaluation.figures }),
  });
  const results =
    cache === undefined
      ? noResultCache
      : createResultCache({
          ...{ cache, spool, limits, detector, installationKey, onProblem, now: Date.now },
          ttlMs: config.cache.ttlHours * 3_600_000,
          observe: metrics.cacheUse,
          onMended: (verb) => log.info({ verb }, "the cache of results works again"),
        });
  const facts = { version, detector, limits, formats, policy };
  const status = async () => {
    const now = { progress: await progress(), paused: paused.current(), room: await room.look() };
    return statusOf({ ...facts, ...now, routes: folders.current() });
  };
  const page = fileURLToPath(new URL("../web/dist", import.meta.url));
  const core = { medium: pool, spool, limits, results, detector, ledger, queue, storeOf };
  const review = createReview({ ...keyed, puts, storeOf });
  const parts = {
    ...core,
    maxBatch: limits.maxBatch,
    policy,
    submit,
    review,
    metrics,
    status,
    page,
    pool,
    room,
    pauses: knownPauses(pauses, ledger, () => folders.current().map(({ route }) => route.name), paused.lookNow),
  };
  const server = started.adopt(await createServer(parts, log, { api: roles.has("api") }), (it) =>
    closeWithin(it, graceMs),
  );
  await listen(server, config, "Stop what uses it, or choose another one: npm start -- --port 8090");

  // The ways in of events.
  const announce = announceFor({ announcements: data.announcements, folders, onProblem });
  const feeds = roles.has("sources") ? await openFeeds(config, onProblem) : [];
  const taker = roles.has("api") ? await openWebhook(config, { announce, room, log }) : undefined;
  if (taker !== undefined) {
    started.adopt(taker, (it) => closeWithin(it, graceMs));
    await listen(taker, config.events.webhook, "Stop what uses it, or choose another one: events.webhook.port");
    log.info({ address: taker.listeningOrigin }, "events of stores are taken at /webhook");
  }

  // The loops: each ends when `signal` aborts.
  const stopping = new AbortController();
  const { signal } = stopping;
  const workerParts = {
    ...{ ...core, ...jobs, routes, puts, concurrency: engine.processes * jobsPerProcess, pace },
    ...{ now: Date.now, random: Math.random, onProblem, observe, holder, claimMs: jobs.leaseMs },
    ...{ bury: createTombstones(installationKey), marks: createMarks(installationKey) },
  };
  const sweep = async () => {
    await data.sweep();
    await cache?.sweep?.();
  };
  const kept = { ledger, route: uploads.name, inbox: storeOf("inbox"), results: storeOf("results") };
  // Where each data folder has its own, each process looks after it.
  const retention = { ...kept, ...(jobs.folder !== undefined && { isMine: once("retention", 0.9) }) };
  const loops = [
    ...(roles.has("worker") ? [runWorker(workerParts, signal)] : []),
    folders.run(signal),
    ...(feeds.length > 0 ? [runFeeds(feeds, announce, { signal, onProblem })] : []),
    alerts.run(signal),
    room.run(signal),
    paused.run(signal),
    alone("republish", signal, (mine) =>
      keepRepublishing({ ledger, queue, republishAfterMs: jobs.leaseMs * 4, signal: mine, onProblem }),
    ),
    keepRetention({ ...retention, retainHours: jobs.retainHours, sweep, signal, onProblem }),
    alone("sealer", signal, sealer.run),
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
    async applyRoutes(next) {
      const changed = await folders.apply(next);
      disks = await disksOf({ ...next, dataDir });
      return changed;
    },
    stop: () => running.disposeAsync(),
  };
}

async function listen(
  server: { listen(at: { readonly host: string; readonly port: number }): Promise<unknown> },
  { host, port }: { readonly host: string; readonly port: number },
  remedy: string,
): Promise<void> {
  await server.listen({ host, port }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "EADDRINUSE") throw cause;
    throw new Problem("invalid-config", `Port ${port} is taken already`, { remedy, cause });
  });
}

function addressOf({ address, family, port }: AddressInfo): string {
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}
