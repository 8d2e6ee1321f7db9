import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import type { z } from "zod";
import { accessFaults } from "./config/access-faults.ts";
import { mayHoldSecret, withoutQuery } from "./config/address.ts";
import { configFields, fieldByPath, yamlOf } from "./config/fields.ts";
import { type ConfigFlags, type Entry, readEnv, readFlags, readYaml } from "./config/layers.ts";
import { overlapFaults, type RoutePlaces } from "./config/overlaps.ts";
import { type Extent, placeOf } from "./config/places.ts";
import { type ReadStore, readStores } from "./config/read-stores.ts";
import { type ReadRoute, type RouteSettings, readRoutes } from "./config/routes.ts";
import { absolute, meaningFaults, nameOf, show } from "./config/setting-faults.ts";
import { type Settings, settingsSchema } from "./config/settings.ts";
import { identityOf } from "./config/store-identity.ts";
import { type StoreSettings, storeFields } from "./config/store-settings.ts";
import { Problem } from "./errors.ts";

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** Every setting resolved: folders absolute, nothing missing, frozen. */
export type Config = DeepReadonly<Settings> & {
  /** Those of `routes:`, by name; the one of `folder` is not among them. */
  readonly routes?: DeepReadonly<Record<string, RouteSettings>>;
  /** Those of `stores:`, by name; secrets among their settings. */
  readonly stores?: DeepReadonly<Record<string, StoreSettings>>;
  /** Where each value came from, by its path: `default`, `--port`, `VEIL_PORT` or `veil.yaml:3`. */
  readonly origins: Readonly<Record<string, string>>;
};

export interface ConfigSources {
  readonly flags: ConfigFlags;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/**
 * Defaults, overridden by `veil.yaml` (in the data folder, or the file that `--config` or `VEIL_CONFIG` names), by
 * `VEIL_*` variables, by flags. All faults of all places come in one Problem `invalid-config`.
 */
export function loadConfig({ flags, env, cwd }: ConfigSources): Config {
  const fromFlags = readFlags(flags, cwd);
  const fromEnv = readEnv(env, cwd);
  const outside = fromFlags.entries.get("dataDir") ??
    fromEnv.entries.get("dataDir") ?? { value: "veil-data", origin: "default", base: cwd };
  const named = flags.config ?? (env.VEIL_CONFIG || undefined);
  const file = named === undefined ? join(absolute(outside), "veil.yaml") : resolve(cwd, named);
  const fromFile = readYaml(file, named !== undefined);

  const merged = new Map([["dataDir", outside], ...fromFile.entries, ...fromEnv.entries, ...fromFlags.entries]);
  const base = absolute(merged.get("dataDir") ?? outside);
  const derived = {
    "engine.processes": Math.min(8, availableParallelism()),
    "folder.input": "input_photos",
    "folder.output": "output_anonymous",
  };
  for (const [path, value] of Object.entries(derived)) {
    if (!merged.has(path)) merged.set(path, { value, origin: "default", base });
  }

  const parsed = settingsSchema.safeParse(nest(merged));
  // Faults of what routes inherit are named where they stand.
  const inherited = parsed.data ?? settingsSchema.parse({ dataDir: base, ...harmless });
  const { stores, faults: storeFaults } = readStores(fromFile.stores, env);
  const storeNames = namesIn(fromFile.stores?.value);
  const read = readRoutes(fromFile.routes, inherited, storeNames);
  const faults = [
    ...fromFile.faults,
    ...fromEnv.faults,
    ...fromFlags.faults,
    ...(named === undefined ? movedFaults(fromFile.entries) : []),
    ...(parsed.error?.issues ?? []).map((issue) => rangeFault(issue, merged)),
    ...meaningFaults(merged),
    ...accessFaults(merged),
    ...storeFaults,
    ...read.faults,
    ...overlapFaults(
      placesOf(merged, read.routes, stores),
      { setting: nameOf("dataDir", merged), folder: base },
      merged.has("jobs.folder") ? namedFolder("jobs.folder", merged) : undefined,
    ),
  ];
  if (!parsed.success || faults.length > 0) throw invalidConfig(faults);
  const origins = configFields.map(({ path }) => [path, merged.get(path)?.origin ?? "default"]);
  const routes = read.routes.map(({ name, route }) => [name, route] as const);
  return freeze({
    ...parsed.data,
    ...(routes.length > 0 && { routes: Object.fromEntries(routes) }),
    ...(stores.length > 0 && { stores: Object.fromEntries(stores.map(({ name, settings }) => [name, settings])) }),
    origins: Object.fromEntries(origins),
  });
}

/** Stands in for settings that have faults, while those of the routes are looked for. */
const harmless = { engine: { processes: 1 }, folder: { input: "-", output: "-" } };

/** All folder routes by name, the one of `folder` first. */
export function routesOf({ folder, policy, routes = {} }: Pick<Config, "folder" | "policy" | "routes">) {
  const { input, output, watch, settleMs, incompleteMs, reconcileMs, pollMs } = folder;
  const first: DeepReadonly<RouteSettings> = {
    ...{ from: input, to: output, watch, settleMs, incompleteMs, reconcileMs, pollMs, policy, include: ["**"] },
    ...{ exclude: [], originals: "keep", others: "skip", copyTypes: [], removed: "keep", mostRemoved: 0, times: "now" },
  };
  return new Map<string, DeepReadonly<RouteSettings>>([["folder", first], ...Object.entries(routes)]);
}

/** The configuration as YAML that could be a `veil.yaml`, each value with its origin; secrets are redacted. */
export function printConfig(config: Config): string {
  const lines: string[] = [];
  let current: readonly string[] = [];
  for (const { path, section, key, isSecret } of configFields) {
    const value = path
      .split(".")
      .reduce<unknown>((node, name) => (node as Record<string, unknown> | undefined)?.[name], config);
    if (value === undefined) continue;
    const names = section === "" ? [] : section.split(".");
    for (const [depth, name] of names.entries()) {
      if (names.slice(0, depth + 1).some((it, at) => it !== current[at])) lines.push(`${"  ".repeat(depth)}${name}:`);
    }
    current = names;
    const shown = isSecret ? redacted : yamlOf(withoutQuery(value));
    lines.push(`${"  ".repeat(names.length)}${key}: ${shown}`.padEnd(40).concat(` # ${config.origins[path]}`));
  }
  const own = (sections: object) => stringify(sections, { lineWidth: 0, aliasDuplicateObjects: false });
  const routes = config.routes === undefined ? "" : own({ routes: config.routes });
  const shown = Object.entries(config.stores ?? {}).map(([name, settings]) => [name, withoutSecrets(settings)]);
  const stores = shown.length === 0 ? "" : own({ stores: Object.fromEntries(shown) });
  return `${lines.join("\n")}\n${stores}${routes}`;
}

const notShown = "(not shown)";
const redacted = JSON.stringify(notShown);

function withoutSecrets(settings: DeepReadonly<StoreSettings>): object {
  const secrets = new Set(storeFields[settings.kind].filter(({ isSecret }) => isSecret).map(({ key }) => key));
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [key, secrets.has(key) ? notShown : withoutQuery(value)]),
  );
}

function rangeFault(issue: z.core.$ZodIssue, merged: ReadonlyMap<string, Entry>): string {
  const path = issue.path.join(".");
  const reason = issue.code === "custom" && issue.params?.why ? `: ${issue.params.why}` : "";
  const field = fieldByPath.get(path);
  const value = merged.get(path)?.value;
  const isHidden = (field?.isSecret && value !== undefined) || mayHoldSecret(value);
  const received = isHidden ? "something else, which is not shown" : show(value);
  return `${nameOf(path, merged)}: expected ${field?.expected} but received ${received}${reason}`;
}

function movedFaults(entries: ReadonlyMap<string, Entry>): string[] {
  if (!entries.has("dataDir")) return [];
  return [
    `${nameOf("dataDir", entries)}: a file in the data folder can't move it; use --data-dir, VEIL_DATA_DIR or --config FILE`,
  ];
}

function namedFolder(path: string, merged: ReadonlyMap<string, Entry>) {
  const entry = merged.get(path);
  return { setting: nameOf(path, merged), folder: entry ? absolute(entry) : "" };
}

/** Every place that is read or written by a route, those of `folder` first. */
function placesOf(
  merged: ReadonlyMap<string, Entry>,
  routes: readonly ReadRoute[],
  stores: readonly ReadStore[],
): RoutePlaces[] {
  const named = (path: string) => {
    const { setting, folder } = namedFolder(path, merged);
    return { setting, extent: { kind: "folder", folder } as const };
  };
  const first = { name: "folder", from: named("folder.input"), to: named("folder.output"), takes: false };
  const others = routes.map(({ name, route, nameOf: settingOf }) => ({
    name,
    from: { setting: settingOf("from"), extent: extentOf(route.from, stores) },
    to: { setting: settingOf("to"), extent: extentOf(route.to, stores) },
    movedTo:
      route.movedTo === undefined
        ? undefined
        : { setting: settingOf("movedTo"), extent: extentOf(route.movedTo, stores) },
    takes: route.originals !== "keep",
  }));
  return [first, ...others];
}

function extentOf(text: string, stores: readonly ReadStore[]): Extent {
  const place = placeOf(text);
  if (place.kind === "folder") return place;
  const found = stores.find(({ name }) => name === place.store);
  // One with faults of its own is only itself.
  const { where, prefix } =
    found === undefined ? { where: place.store, prefix: place.root } : identityOf(found.settings, place.root);
  return { kind: "store", where, prefix, words: text };
}

function namesIn(section: unknown): readonly string[] {
  return typeof section === "object" && section !== null ? Object.keys(section) : [];
}

function nest(merged: ReadonlyMap<string, Entry>): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const { path, section, key, isPath } of configFields) {
    const entry = merged.get(path);
    if (!entry) continue;
    const value = isPath && typeof entry.value === "string" && entry.value ? absolute(entry) : entry.value;
    let node = root;
    for (const name of section === "" ? [] : section.split(".")) {
      node[name] ??= {};
      node = node[name] as Record<string, unknown>;
    }
    node[key] = value;
  }
  return root;
}

function invalidConfig(faults: readonly string[]): Problem {
  const intro = faults.length === 1 ? "The configuration has a fault" : `The configuration has ${faults.length} faults`;
  return new Problem("invalid-config", `${intro}:\n${faults.map((fault) => `  ${fault}`).join("\n")}`, {
    remedy: "Correct what is named above and start again; docs/configuration.md describes every setting.",
  });
}

function freeze<T extends object>(value: T): T {
  for (const child of Object.values(value)) if (typeof child === "object" && child !== null) freeze(child);
  return Object.freeze(value);
}
