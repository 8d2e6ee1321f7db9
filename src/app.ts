import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import type { Config } from "./config.ts";
import { openDataFolder, placesIn } from "./data-folder.ts";
import { hasHeicDecoder } from "./engine/heic.ts";
import { createPool } from "./engine/pool.ts";
import { createMetrics } from "./http/metrics.ts";
import { createServer } from "./http/server.ts";
import { statusOf } from "./http/status.ts";
import type { Logger } from "./log.ts";
import { createAdmit } from "./pipeline/admit.ts";
import { createRedrive } from "./pipeline/redrive.ts";
import { keepRepublishing } from "./pipeline/republish.ts";
import { keepRetention } from "./pipeline/retain.ts";
import type { Route } from "./pipeline/route.ts";
import { runSource } from "./pipeline/run-source.ts";
import { openSpool } from "./pipeline/spool.ts";
import { createSubmit } from "./pipeline/submit.ts";
import { runWorker } from "./pipeline/worker.ts";
import { createReconcileSource } from "./sources/reconcile.ts";
import { canWatch, createWatchSource } from "./sources/watch.ts";
import { version } from "./version.ts";

export interface App {
  /** Where the page is, for example `http://127.0.0.1:8080`. */
  readonly address: string;
  readonly detector: { readonly name: string; readonly digest: string };
  /** Settles when something ends that a restart must mend; rejects with its cause. */
  readonly ended: Promise<unknown>;
  /** Takes nothing new, finishes what is in work, and closes everything. */
  stop(): Promise<void>;
}

/** Configuration in, running service out. */
export async function startApp(config: Config, log: Logger): Promise<App> {
  const { folder, jobs, limits, engine, policy } = config;
  const onProblem = (problem: { code: string; message: string }) => log.warn({ code: problem.code }, problem.message);

  // What lasts, and what works on it.
  const data = await openDataFolder(config, onProblem);
  const { ledger, queue, storeOf, installationKey } = data;
  const spool = await openSpool(placesIn(config.dataDir).spool);
  const model = { cacheDir: placesIn(config.dataDir).models };
  const pool = createPool({ ...engine, limits, spool: spool.folder, model });
  const detector = await pool.detector();

  // From where to where.
  const inFolder: Route = {
    name: "folder",
    input: "input",
    output: "output",
    policy,
    lane: "bulk",
    watched: folder.watch,
    removeInput: false,
  };
  const uploads: Route = {
    name: "upload",
    input: "inbox",
    output: "results",
    policy,
    lane: "interactive",
    watched: false,
    removeInput: true,
  };
  const routes = new Map([inFolder, uploads].map((route) => [route.name, route]));
  const admit = createAdmit({ ledger, queue, installationKey, modelDigests: [detector.digest] });
  const redrive = createRedrive({ ledger, queue, installationKey });
  const submit = createSubmit({ ledger, admit, redrive, routes, uploads, installationKey, storeOf });

  // The ways in by HTTP.
  const formats = ["jpeg", "png", "webp", "avif", "tiff", "gif", ...((await hasHeicDecoder()) ? ["heic"] : [])];
  const metrics = createMetrics({ ledger, queue, engine: pool.stats });
  const status = statusOf({ version, detector, folder, limits, formats, policy });
  const page = fileURLToPath(new URL("../web/dist", import.meta.url));
  const core = { medium: pool, spool, limits, detector, ledger, queue, storeOf };
  const server = await createServer(
    { ...core, maxBatch: limits.maxBatch, policy, submit, metrics, status, page, pool },
    log,
  );

  // The loops: each ends when `signal` aborts.
  const stopping = new AbortController();
  const { signal } = stopping;
  const worker = runWorker(
    {
      ...{ ...core, ...jobs, routes, concurrency: engine.processes, now: Date.now, random: Math.random },
      observe(job, event) {
        metrics.jobEvent(event);
        log.info({ job: job.id, route: job.route, code: event.code, regions: event.regions }, `job ${event.kind}`);
      },
    },
    signal,
  );
  const input = storeOf("input");
  const shared = { route: inFolder.name, store: input, ...folder, onProblem };
  const reconcile = createReconcileSource({
    ...shared,
    name: "reconcile",
    unseen: ledger.unseen,
    intervalMs: folder.reconcileMs,
  });
  const hints = { ...shared, name: "watch", onHintsLost: reconcile.lookNow };
  const sources = [reconcile, ...(canWatch(input) ? [createWatchSource({ ...hints, store: input })] : [])];
  const loops = [
    worker,
    ...(folder.watch ? sources : []).map((source) =>
      runSource({ source, admit: (arrivals) => admit(inFolder, arrivals), signal, onProblem }),
    ),
    keepRepublishing({ ledger, queue, republishAfterMs: jobs.leaseMs * 4, signal, onProblem }),
    keepRetention({ stores: [storeOf("inbox"), storeOf("results")], sweep: data.sweep, ...jobs, signal, onProblem }),
  ];
  await server.listen({ host: config.host, port: config.port });

  return {
    address: addressOf(server.server.address() as AddressInfo),
    detector,
    ended: Promise.race(loops),
    async stop() {
      stopping.abort();
      await server.close();
      await Promise.allSettled(loops);
      await pool.close();
      await spool.close();
      await data.close();
    },
  };
}

function addressOf({ address, family, port }: AddressInfo): string {
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}
