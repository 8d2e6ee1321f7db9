import { resolve } from "node:path";
import type { z } from "zod";
import { cosmeticStatement, type Policy } from "../core/policy.ts";
import { fieldByPath } from "./fields.ts";
import type { RawSection } from "./layers.ts";
import { nearest } from "./nearest.ts";
import { parseStorePlace } from "./places.ts";
import { routeFields, routeSchema } from "./route-settings.ts";
import type { Settings } from "./settings.ts";

/** A route of the configuration: folders absolute, stores as `store:NAME/PATH`, nothing missing. */
export type RouteSettings = Omit<z.output<typeof routeSchema>, "policy" | TimeName> & {
  readonly policy: Policy;
} & { readonly [name in TimeName]: number };

type TimeName = "settleMs" | "incompleteMs" | "reconcileMs" | "pollMs";

/** A route that was read, with where each of its settings stands. */
export interface ReadRoute {
  readonly name: string;
  readonly route: RouteSettings;
  /** For example `routes.ward.from (veil.yaml:7)`. */
  nameOf(setting: string): string;
}

const reserved = ["folder", "upload"];

/**
 * Reads `routes:`, a map by name or a list with names, and says all that is wrong with it, one sentence each. `stores`
 * are the names of those that are configured.
 */
export function readRoutes(
  raw: RawSection | undefined,
  { folder, policy }: Pick<Settings, "folder" | "policy">,
  stores: readonly string[],
): { readonly routes: readonly ReadRoute[]; readonly faults: readonly string[] } {
  const faults: string[] = [];
  const routes: ReadRoute[] = [];
  if (raw === undefined || raw.value === null) return { routes, faults };
  for (const { name, value, path } of entriesOf(raw, faults)) {
    const nameOf = (setting: string) => {
      const [first = "", ...rest] = setting.split(".");
      return `routes.${name}.${setting} (${raw.originOf([...path, ...(first === "" ? [] : [first]), ...rest])})`;
    };
    const at = `routes.${name} (${raw.originOf(path)})`;
    if (reserved.includes(name)) faults.push(`${at}: veil has a route of this name already; choose another one`);
    else if (!/^[a-z0-9][a-z0-9-]{0,39}$/.test(name)) {
      faults.push(`${at}: expected a name of at most 40 letters a to z, digits and dashes`);
    }
    if (routes.some((other) => other.name === name)) faults.push(`${at}: there is another route of this name`);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      faults.push(`${at}: expected names and values below it`);
      continue;
    }
    const parsed = routeSchema.safeParse(value);
    for (const issue of parsed.error?.issues ?? []) faults.push(...faultOf(issue, value, nameOf));
    if (!parsed.success) continue;
    const { policy: own, ...settings } = parsed.data;
    const said = Object.keys((value as { policy?: object }).policy ?? {});
    const overrides = Object.entries(own ?? {}).filter(([key]) => said.includes(key));
    const { settleMs, incompleteMs, reconcileMs, pollMs } = folder;
    const route: RouteSettings = {
      ...{ settleMs, incompleteMs, reconcileMs, pollMs, ...settings },
      ...{ from: placed(raw.base, settings.from), to: placed(raw.base, settings.to) },
      ...(settings.movedTo !== undefined && { movedTo: placed(raw.base, settings.movedTo) }),
      policy: { ...policy, ...Object.fromEntries(overrides) },
    };
    faults.push(...meaningFaults(route, nameOf), ...placeFaults(route, nameOf, stores));
    routes.push({ name, route, nameOf });
  }
  return { routes, faults };
}

/** A folder's path from the file that says it; a store's name stays. */
function placed(base: string, text: string): string {
  return parseStorePlace(text) === undefined ? resolve(base, text) : text.replace(/\/$/, "");
}

function placeFaults(route: RouteSettings, nameOf: (setting: string) => string, stores: readonly string[]): string[] {
  return (["from", "to", "movedTo"] as const).flatMap((setting) => {
    const place = parseStorePlace(route[setting] ?? "");
    if (place === undefined) return [];
    if (place === "malformed") {
      return [
        `${nameOf(setting)}: expected store:NAME or store:NAME/PATH but received ${JSON.stringify(route[setting])}`,
      ];
    }
    if (stores.includes(place.store)) return [];
    const guess = nearest(place.store, stores);
    return [`${nameOf(setting)}: there is no store ${place.store}${guess ? `; did you mean ${guess}?` : ""}`];
  });
}

function entriesOf({ value, originOf }: RawSection, faults: string[]) {
  if (Array.isArray(value)) {
    return value.map((entry: unknown, index) => {
      const { name, ...rest } = (typeof entry === "object" && entry !== null ? entry : {}) as Record<string, unknown>;
      const isNamed = typeof name === "string";
      if (!isNamed) faults.push(`routes[${index}] (${originOf([index])}): expected a route with a name`);
      return { name: isNamed ? name : `[${index}]`, value: rest as unknown, path: [index] as (string | number)[] };
    });
  }
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).map(([name, entry]) => ({
      name,
      value: entry as unknown,
      path: [name] as (string | number)[],
    }));
  }
  faults.push(`routes (${originOf([])}): expected routes by their names, or a list of them`);
  return [];
}

function faultOf(issue: z.core.$ZodIssue, route: object, nameOf: (setting: string) => string): string[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    const known = path[0] === "policy" ? policyNames : routeFields.map(({ key }) => key);
    return issue.keys.map((key) => {
      const guess = nearest(key, known);
      return `${nameOf([...path, key].join("."))}: there is no such setting${guess ? `; did you mean ${guess}?` : ""}`;
    });
  }
  const received = path.reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], route);
  const field = path[0] === "policy" ? fieldByPath.get(path.join(".")) : routeFields.find(({ key }) => key === path[0]);
  return [
    `${nameOf(path.join("."))}: expected ${field?.expected ?? "another value"} but received ${JSON.stringify(received) ?? "nothing"}`,
  ];
}

const policyNames = [...fieldByPath.values()].filter(({ section }) => section === "policy").map(({ key }) => key);

/** What each setting allows and all of them together don't. */
function meaningFaults(route: RouteSettings, nameOf: (setting: string) => string): string[] {
  const faults: string[] = [];
  const { originals, movedTo, others, copyTypes, removed, policy } = route;
  if (originals === "move" && movedTo === undefined) faults.push(`${nameOf("originals")}: move needs movedTo`);
  if (originals !== "move" && movedTo !== undefined) faults.push(`${nameOf("movedTo")}: only originals: move uses it`);
  if (others === "copy" && copyTypes.length === 0) faults.push(`${nameOf("others")}: copy needs copyTypes`);
  if (others !== "copy" && copyTypes.length > 0) faults.push(`${nameOf("copyTypes")}: only others: copy uses it`);
  if (removed === "remove" && originals !== "keep") {
    faults.push(`${nameOf("removed")}: with originals: ${originals} veil itself would make every output void`);
  }
  if (policy.style === "cosmetic" && policy.cosmetic !== cosmeticStatement) {
    faults.push(`${nameOf("policy.style")}: cosmetic does not anonymise; choose another`);
  }
  return faults;
}
