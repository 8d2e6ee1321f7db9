import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import type { z } from "zod";
import { configFields, fieldByPath, yamlOf } from "./config/fields.ts";
import { contains } from "./config/folders.ts";
import { type ConfigFlags, type Entry, readEnv, readFlags, readYaml } from "./config/layers.ts";
import { overlapFaults, type RouteFolders } from "./config/overlaps.ts";
import { type ReadRoute, type RouteSettings, readRoutes } from "./config/routes.ts";
import { type Settings, settingsSchema } from "./config/settings.ts";
import { cosmeticStatement } from "./core/policy.ts";
import { Problem } from "./errors.ts";

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** Every setting resolved: folders absolute, nothing missing, frozen. */
export type Config = DeepReadonly<Settings> & {
  /** Those of `routes:`, by name; the one of `folder` is not among them. */
  readonly routes?: DeepReadonly<Record<string, RouteSettings>>;
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
  const read = readRoutes(fromFile.routes, inherited);
  const faults = [
    ...fromFile.faults,
    ...fromEnv.faults,
    ...fromFlags.faults,
    ...(named === undefined ? movedFaults(fromFile.entries) : []),
    ...(parsed.error?.issues ?? []).map((issue) => rangeFault(issue, merged)),
    ...cosmeticFaults(merged),
    ...addressFaults(merged),
    ...headsFaults(merged),
    ...roleFaults(merged),
    ...mailFaults(merged),
    ...read.faults,
    ...overlapFaults(
      foldersOf(merged, read.routes),
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
    const shown = isSecret ? redacted : yamlOf(value);
    lines.push(`${"  ".repeat(names.length)}${key}: ${shown}`.padEnd(40).concat(` # ${config.origins[path]}`));
  }
  const routes =
    config.routes === undefined
      ? ""
      : stringify({ routes: config.routes }, { lineWidth: 0, aliasDuplicateObjects: false });
  return `${lines.join("\n")}\n${routes}`;
}

const redacted = '"(not shown)"';

function rangeFault(issue: z.core.$ZodIssue, merged: ReadonlyMap<string, Entry>): string {
  const path = issue.path.join(".");
  const reason = issue.code === "custom" && issue.params?.why ? `: ${issue.params.why}` : "";
  const why = path === "host" ? " (veil has no login yet, so it serves this machine only)" : "";
  const field = fieldByPath.get(path);
  const value = merged.get(path)?.value;
  const received = field?.isSecret && value !== undefined ? "something else, which is not shown" : show(value);
  return `${nameOf(path, merged)}: expected ${field?.expected}${why} but received ${received}${reason}`;
}

/** Drivers over the network, and where their addresses stand. */
const addresses = [
  { setting: "cache.driver", driver: "redis", address: "cache.redis.url" },
  { setting: "queue.driver", driver: "rabbitmq", address: "queue.url" },
  { setting: "queue.driver", driver: "kafka", address: "queue.brokers" },
  { setting: "ledger.driver", driver: "postgres", address: "ledger.url" },
];

function addressFaults(merged: ReadonlyMap<string, Entry>): string[] {
  return addresses
    .filter(({ setting, driver, address }) => merged.get(setting)?.value === driver && !merged.has(address))
    .map(({ setting, driver, address }) => `${nameOf(setting, merged)}: ${driver} needs ${address}, which is missing`);
}

function cosmeticFaults(merged: ReadonlyMap<string, Entry>): string[] {
  if (merged.get("policy.style")?.value !== "cosmetic" || merged.has("policy.cosmetic")) return [];
  return [
    `${nameOf("policy.style", merged)}: cosmetic does not anonymise; choose another, or say policy.cosmetic=${cosmeticStatement}`,
  ];
}

export const roleNames = ["api", "sources", "worker"] as const;
export type Role = (typeof roleNames)[number];

/** What this process does. */
export function rolesOf({ roles }: Pick<Config, "roles">): ReadonlySet<Role> {
  return new Set(roleNames.filter((name) => roles.split(",").some((one) => one.trim() === name)));
}

/** Jobs that are taken here and worked elsewhere have to reach there, with their ledger and their uploads. */
function roleFaults(merged: ReadonlyMap<string, Entry>): string[] {
  const value = merged.get("roles")?.value;
  if (typeof value !== "string") return [];
  const roles = rolesOf({ roles: value });
  if (roles.size === 0 || (roles.has("worker") && roles.size > 1)) return [];
  const embedded = (path: string) => (merged.get(path)?.value ?? "sqlite") === "sqlite";
  const missing = [
    ...(embedded("queue.driver") ? ["queue.driver rabbitmq or kafka"] : []),
    ...(embedded("ledger.driver") ? ["ledger.driver postgres"] : []),
    ...(!roles.has("sources") && !merged.has("jobs.folder") ? ["jobs.folder, where all processes reach it"] : []),
  ];
  if (missing.length === 0) return [];
  const why = roles.has("worker") ? "jobs come from other processes" : "jobs are worked by other processes";
  return [`${nameOf("roles", merged)}: ${why} with ${show(value)}, which needs ${missing.join(" and ")}`];
}

/** A mail needs all three. */
function mailFaults(merged: ReadonlyMap<string, Entry>): string[] {
  const needed = ["host", "from", "to"].map((key) => `alerts.mail.${key}`);
  const given = needed.filter((path) => merged.has(path));
  if (given.length === 0 || given.length === needed.length) return [];
  const missing = needed.filter((path) => !merged.has(path)).join(" and ");
  return [`${given.map((path) => nameOf(path, merged)).join(" and ")}: expected ${missing} too`];
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

/** Every folder that is read or written by a route, those of `folder` first. */
function foldersOf(merged: ReadonlyMap<string, Entry>, routes: readonly ReadRoute[]): RouteFolders[] {
  const named = (path: string) => namedFolder(path, merged);
  const first = { name: "folder", from: named("folder.input"), to: named("folder.output"), takes: false };
  const others = routes.map(({ name, route, nameOf: settingOf }) => ({
    name,
    from: { setting: settingOf("from"), folder: route.from },
    to: { setting: settingOf("to"), folder: route.to },
    movedTo: route.movedTo === undefined ? undefined : { setting: settingOf("movedTo"), folder: route.movedTo },
    takes: route.originals !== "keep",
  }));
  return [first, ...others];
}

/** Whoever can change the ledger could change these heads too. */
function headsFaults(merged: ReadonlyMap<string, Entry>): string[] {
  const [data, heads] = [merged.get("dataDir"), merged.get("ledger.heads")];
  if (heads === undefined || !heads.value || !contains(data ? absolute(data) : "", absolute(heads))) return [];
  return [
    `${nameOf("ledger.heads", merged)}: expected a file outside the data folder but received ${show(heads.value)}`,
  ];
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

/** What is no path stays in its base, and is a fault of the schema. */
function absolute({ value, base }: Entry): string {
  return typeof value === "string" ? resolve(base, value) : base;
}

function nameOf(path: string, merged: ReadonlyMap<string, Entry>): string {
  return `${path} (${merged.get(path)?.origin ?? "default"})`;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 120 ? `${text.slice(0, 119)}…` : text;
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
