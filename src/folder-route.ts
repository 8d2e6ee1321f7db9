import type { Alert } from "./alerts/alert.ts";
import { createBell } from "./bell.ts";
import type { RouteSettings } from "./config/routes.ts";
import type { Config } from "./config.ts";
import type { Job } from "./core/job.ts";
import type { Serial } from "./core/serial.ts";
import { unlessAborted } from "./core/until-aborted.ts";
import type { DataFolder } from "./data-folder.ts";
import { storesOf } from "./data-places.ts";
import { type Problem, toProblem } from "./errors.ts";
import type { LedgerEvent } from "./ledger/ledger.ts";
import type { Logger } from "./log.ts";
import type { Admit } from "./pipeline/admit.ts";
import { expire } from "./pipeline/expire.ts";
import { createKeyFilter, doneFileOf, isDoneFile } from "./pipeline/key-filter.ts";
import { createPassedOver } from "./pipeline/passed-over.ts";
import type { Redrive } from "./pipeline/redrive.ts";
import { createRemovals, refusedRemovals } from "./pipeline/removals.ts";
import type { Room } from "./pipeline/room.ts";
import type { Route } from "./pipeline/route.ts";
import { createRouteHealth, type RouteHealth } from "./pipeline/route-health.ts";
import { runSource } from "./pipeline/run-source.ts";
import { sendBack } from "./pipeline/send-back.ts";
import type { RunAlone } from "./pipeline/while-leased.ts";
import { createAnnouncedSource } from "./sources/announced.ts";
import { createReconcileSource } from "./sources/reconcile.ts";
import type { Judgement } from "./sources/settling.ts";
import { canWatch, createWatchSource } from "./sources/watch.ts";
import { bucketOf } from "./store-drivers.ts";

export interface FolderRouteParts {
  readonly data: DataFolder;
  /** The configuration's. */
  readonly stores: Config["stores"];
  readonly admit: Admit;
  readonly redrive: Redrive;
  /** That of the worker's puts. */
  readonly puts: Serial;
  /** Whether there is room for more work: sources wait. */
  readonly room: Room;
  readonly log: Logger;
  readonly onProblem: (problem: Problem) => void;
  readonly onAlert: (alert: Alert) => void;
  /** Of all processes over the same ledger one watches a route. */
  readonly alone: RunAlone;
  /** Whether this process watches at all. */
  readonly watches: boolean;
  /** Whether stores tell of their objects: the listing is then looked at less often. */
  readonly hears: boolean;
  /** Told of what happened to a job's output without the worker. */
  readonly observe: (job: Job, event: LedgerEvent) => void;
}

/** One route between folders. */
export interface FolderRoute {
  readonly route: Route;
  readonly settings: DeepSettings;
  readonly health: RouteHealth;
  /** What events of its objects name; undefined: no store that has such. */
  readonly bucket?: { readonly bucket: string; readonly prefix: string } | undefined;
  /** Something was announced for it. */
  announced(): void;
  /** What lies in its input and is not taken, in words. */
  passedOver(): readonly string[];
  /** Works until the signal aborts; rejects when the ledger fails. */
  run(signal: AbortSignal): Promise<void>;
}

type DeepSettings = {
  readonly [K in keyof RouteSettings]: RouteSettings[K] extends readonly (infer T)[] ? readonly T[] : RouteSettings[K];
};

const hourMs = 3_600_000;
/** How soon a broken route is tried again. */
const brokenMs = 5_000;
/** How soon a look that missed an original is followed by the one that decides. */
const secondLookMs = 2_000;

/** Opens a route's stores and makes what looks after it; nothing runs yet. */
export function openFolderRoute(name: string, settings: DeepSettings, parts: FolderRouteParts): FolderRoute {
  const { data, admit, redrive, puts, room, onProblem, observe } = parts;
  const { ledger } = data;
  const log = parts.log.child({ route: name });
  const now = Date.now;
  const passedOver = createPassedOver();
  const { silentAfterMs, doneFile, keepDays } = settings;
  const health = createRouteHealth({
    route: name,
    silentAfterMs,
    onAlert: parts.onAlert,
    now,
    uptime: () => performance.now(),
  });
  const bucket = bucketOf(settings.from, parts.stores);
  // Of whoever gives no hints only a look tells what is new.
  let isNative = bucket !== undefined && parts.hears;
  // At the start too: the share may have come back while veil was stopped.
  let isSentBack = false;
  let fileSystem = "";
  const { input, output } = data.openRoute(name, settings, parts.stores, {
    onProblem: (problem, part) => {
      if (part === "output" || passedOver.report(problem)) onProblem(problem);
    },
    onWatching(found, native) {
      isNative = native;
      if (fileSystem === found) return;
      fileSystem = found;
      const how = native ? "by its own events" : `by looking every ${settings.pollMs} ms: its events tell half`;
      log.info({ folder: settings.from, fileSystem }, `watched ${how}, and compared with the ledger`);
    },
  });
  const names = storesOf(name);
  const route: Route = { ...routeOf(name, settings), input: names.input, output: names.output };
  const removals =
    settings.removed === "keep"
      ? undefined
      : createRemovals({
          ...{ ledger, route: name, input, output, puts, mostRemoved: settings.mostRemoved, now, observe, onProblem },
          confirmed: () => data.takeConfirmation(name),
          onRefused(message) {
            const problem = refusedRemovals(name, message);
            log.error({ code: problem.code }, `${message}. ${problem.remedy}`);
            parts.onAlert({ kind: "mass-deletion", route: name, message, at: now() });
          },
        });

  function nextLookMs(tookMs: number): number {
    const everyMs = isNative ? settings.reconcileMs : Math.min(settings.reconcileMs, settings.pollMs);
    if (health.problem() !== undefined) return Math.min(everyMs, brokenMs);
    return Math.max(removals?.waits() ? Math.min(everyMs, secondLookMs) : everyMs, tookMs);
  }

  const shared = {
    ...{ route: name, store: input, settleMs: settings.settleMs, incompleteMs: settings.incompleteMs, onProblem },
    selects: createKeyFilter(settings),
    ...(doneFile !== undefined && { waitsFor: waiterFor(doneFile) }),
    onJudged({ key, verdict, reason }: Judgement) {
      passedOver.waits(key, verdict === "waits" ? reason : undefined);
      log.debug({ key, verdict }, reason);
    },
  };
  const reconcile = createReconcileSource({
    ...{ ...shared, name: "reconcile", unseen: ledger.unseen },
    intervalMs: nextLookMs,
    onListed(objects) {
      passedOver.listed(objects);
      removals?.seen(objects);
    },
    onUnknown: (prefix) => removals?.unknown(prefix),
    async onPass(tookMs, signal) {
      health.looked(tookMs);
      const away = await unlessAborted(outputProblem(), signal);
      if (away !== undefined) return onBroken(away);
      if (health.well()) {
        log.info("the route works again");
        isSentBack = false;
      }
      if (!isSentBack) await sendBack({ ledger, route: name, redrive, onProblem, signal });
      isSentBack = !signal.aborted;
      await removals?.endOfPass(signal);
      passedOver.endOfPass();
    },
    onBroken,
  });
  const watch = canWatch(input)
    ? createWatchSource({
        ...{ ...shared, name: "watch", store: input, onHintsLost: reconcile.lookNow },
        ...(doneFile !== undefined && { releases: (key: string) => isDoneFile(doneFile, key) }),
      })
    : undefined;

  const bell = createBell();
  const announced =
    bucket === undefined
      ? undefined
      : createAnnouncedSource({
          ...{ ...shared, name: "announced", announcements: data.announcements, bell },
          ...(doneFile !== undefined && { releases: (key: string) => isDoneFile(doneFile, key) }),
          onLookNeeded: () => (removals === undefined && doneFile === undefined) || reconcile.lookNow(),
        });

  function waiterFor(doneName: string): (key: string) => Promise<string | undefined> {
    return async (key) => {
      const needed = doneFileOf(doneName, key);
      return (await input.head(needed)) === undefined ? `${JSON.stringify(needed)} is not there yet` : undefined;
    };
  }

  function onBroken(problem: Problem): void {
    removals?.abandon();
    if (health.problem() === undefined) log.error({ code: problem.code }, `the route is broken: ${problem.message}`);
    health.broken(problem);
  }

  /** Looking for what is not there tells whether the output is: nothing is written to find out. */
  async function outputProblem(): Promise<Problem | undefined> {
    try {
      await output.head("-");
      return undefined;
    } catch (error) {
      return toProblem(error);
    }
  }

  async function keepTime(signal: AbortSignal): Promise<void> {
    if (keepDays === undefined) return;
    const clock = createBell();
    while (!signal.aborted) {
      const expiring = { ledger, route: name, output, puts, now, observe, onProblem, signal };
      await expire(expiring, now() - keepDays * 24 * hourMs);
      await clock.wait(hourMs, signal);
    }
  }

  return {
    route,
    settings,
    health,
    bucket,
    announced: bell.ring,
    passedOver: passedOver.current,
    async run(signal) {
      const admitted = async (arrivals: Parameters<Admit>[1]) => {
        health.arrived();
        await admit(route, arrivals);
      };
      // The listing says what is the matter with the folder, at once.
      const onHintProblem = (problem: Problem) => {
        if (problem.code === "store-unavailable") reconcile.lookNow();
        else onProblem(problem);
      };
      health.standBy(true);
      if (!parts.watches || (!settings.watch && keepDays === undefined)) return;
      const work = async (mine: AbortSignal) => {
        const sources = [
          runSource({ source: reconcile, admit: admitted, room, signal: mine, onProblem }),
          ...(watch
            ? [runSource({ source: watch, admit: admitted, room, signal: mine, onProblem: onHintProblem })]
            : []),
          ...(announced
            ? [runSource({ source: announced, admit: admitted, room, signal: mine, onProblem: onHintProblem })]
            : []),
        ];
        await Promise.all([...(settings.watch ? sources : []), keepTime(mine)]);
      };
      await parts.alone(`route/${name}`, signal, work, (isMine) => {
        health.standBy(!isMine);
        if (!isMine) removals?.abandon();
        log.info(isMine ? "this process watches the route" : "this process watches the route no more");
        if (isMine && watch === undefined && settings.watch) {
          log.info({ store: settings.from }, `compared with the ledger every ${nextLookMs(0)} ms`);
        }
      });
    },
  };
}

function routeOf(name: string, settings: DeepSettings): Omit<Route, "input" | "output"> {
  const { policy, watch, originals, copyTypes, mode, owner, times } = settings;
  const [uid, gid] = (owner ?? "").split(":").map(Number) as [number, number];
  return {
    ...{ name, policy, lane: "bulk", watched: watch, removeInput: false, copyTypes },
    ...(originals === "delete" && { originals: { become: "delete" as const } }),
    ...(originals === "move" && { originals: { become: "move" as const, to: storesOf(name).moved } }),
    attributes: {
      times,
      ...(mode !== undefined && { mode: Number.parseInt(mode, 8) }),
      ...(owner !== undefined && { owner: { uid, gid } }),
    },
  };
}
