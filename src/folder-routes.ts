import { isDeepStrictEqual } from "node:util";
import type { Alert } from "./alerts/alert.ts";
import { createBell } from "./bell.ts";
import { placeOf } from "./config/places.ts";
import { type Config, routesOf } from "./config.ts";
import type { DataFolder } from "./data-folder.ts";
import { toProblem } from "./errors.ts";
import { type FolderRoute, type FolderRouteParts, openFolderRoute } from "./folder-route.ts";
import type { Route } from "./pipeline/route.ts";
import { createClockWatch } from "./pipeline/route-health.ts";

export interface FolderRoutesParts extends Omit<FolderRouteParts, "onAlert" | "stores"> {
  readonly data: DataFolder;
  readonly onAlert: (alert: Alert) => void;
  /** Other processes, maybe with other routes, work over the same ledger. */
  readonly isShared: boolean;
}

/** All routes between folders, at work side by side: one that is broken harms no other one. */
export interface FolderRoutes {
  /** Those that are there now, by name. */
  current(): readonly FolderRoute[];
  /** Works until the signal aborts; rejects when the ledger fails. */
  run(signal: AbortSignal): Promise<void>;
  /** Starts, stops and changes routes so that they are the configuration's; answers which. */
  apply(config: Config): Promise<readonly string[]>;
}

/** `routes` is kept up to date: it is what the worker and requests look routes up in. */
export function createFolderRoutes(config: Config, routes: Map<string, Route>, parts: FolderRoutesParts): FolderRoutes {
  const { onAlert, data } = parts;
  const open = new Map<string, FolderRoute & { readonly stop: AbortController; running?: Promise<void> }>();
  const applied = new Map<string, unknown>();
  const fell = createBell();
  let fault: { readonly error: unknown } | undefined;
  let life: AbortSignal | undefined;

  function start(name: string): void {
    const route = open.get(name);
    if (route === undefined || life === undefined) return;
    route.running = route.run(AbortSignal.any([life, route.stop.signal])).catch((error: unknown) => {
      fault ??= { error };
      fell.ring();
    });
  }

  function add(name: string, settings: Parameters<typeof openFolderRoute>[1], stores: Config["stores"]): void {
    const route = openFolderRoute(name, settings, { ...parts, stores });
    open.set(name, { ...route, stop: new AbortController() });
    routes.set(name, route.route);
    applied.set(name, signOf(settings, stores));
    start(name);
  }

  /** What was announced for a route that is configured no more would wait for ever. */
  async function forget(gone: readonly string[]): Promise<void> {
    await data.announcements.forget(gone).catch((error: unknown) => parts.onProblem(toProblem(error)));
  }

  async function forgetStrangers(): Promise<void> {
    const names = Object.keys(await data.announcements.waiting());
    await forget(names.filter((name) => !open.has(name)));
  }

  for (const [name, settings] of routesOf(config)) add(name, settings, config.stores);

  return {
    current: () => [...open.values()],

    async run(signal) {
      life = signal;
      for (const name of open.keys()) start(name);
      if (!parts.isShared) await forgetStrangers();
      const uptime = () => performance.now();
      const lookAtClock = createClockWatch({ onAlert, now: Date.now, uptime });
      while (!signal.aborted && fault === undefined) {
        await fell.wait(1000, signal);
        lookAtClock();
        for (const { health } of open.values()) health.look();
      }
      for (const { stop } of open.values()) stop.abort();
      await Promise.all(Array.from(open.values(), ({ running }) => running));
      if (fault !== undefined) throw fault.error;
    },

    async apply(next) {
      const wanted = routesOf(next);
      const changed: string[] = [];
      const gone: string[] = [];
      for (const [name, route] of [...open]) {
        const settings = wanted.get(name);
        if (settings !== undefined && isDeepStrictEqual(signOf(settings, next.stores), applied.get(name))) continue;
        changed.push(settings === undefined ? `${name} is gone` : `${name} has changed`);
        route.stop.abort();
        await route.running;
        open.delete(name);
        applied.delete(name);
        // Its jobs that are still in the queue end as they would have: their stores stay too.
        if (settings !== undefined) {
          add(name, settings, next.stores);
          continue;
        }
        gone.push(name);
        routes.set(name, { ...route.route, retired: true });
      }
      await forget(gone);
      for (const [name, settings] of wanted) {
        if (open.has(name)) continue;
        changed.push(`${name} is new`);
        add(name, settings, next.stores);
      }
      return changed;
    },
  };
}

/** What a route was made of: its own settings and those of the stores that it names. */
function signOf(settings: Parameters<typeof openFolderRoute>[1], stores: Config["stores"] = {}): unknown {
  const places = [settings.from, settings.to, settings.movedTo ?? ""].map(placeOf);
  return [settings, places.map((place) => place.kind === "store" && stores[place.store])];
}
