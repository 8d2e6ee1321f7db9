import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { z } from "zod";
import { mayHoldSecret } from "./address.ts";
import type { RawSection } from "./layers.ts";
import { nearest } from "./nearest.ts";
import { type StoreKind, type StoreSettings, storeFields, storeKinds } from "./store-settings.ts";

export interface ReadStore {
  readonly name: string;
  readonly settings: StoreSettings;
  /** For example `stores.archive.bucket (veil.yaml:7)`. */
  nameOf(setting: string): string;
}

/** Reads `stores:`, a map by name, and says all that is wrong with it, one sentence each; never what a secret is. */
export function readStores(
  raw: RawSection | undefined,
  env: Readonly<Record<string, string | undefined>>,
): { readonly stores: readonly ReadStore[]; readonly faults: readonly string[] } {
  const faults: string[] = [];
  const stores: ReadStore[] = [];
  if (raw === undefined || raw.value === null) return { stores, faults };
  if (!isMap(raw.value)) {
    return { stores, faults: [`stores (${raw.originOf([])}): expected stores by their names`] };
  }
  for (const [name, value] of Object.entries(raw.value)) {
    const nameOf = (setting: string) => `stores.${name}.${setting} (${raw.originOf([name, setting])})`;
    const at = `stores.${name} (${raw.originOf([name])})`;
    if (!/^[a-z0-9][a-z0-9-]{0,39}$/.test(name)) {
      faults.push(`${at}: expected a name of at most 40 letters a to z, digits and dashes`);
    }
    const { kind } = isMap(value) ? value : {};
    if (!isMap(value) || typeof kind !== "string" || !Object.hasOwn(storeKinds, kind)) {
      const kinds = Object.keys(storeKinds).join(", ");
      faults.push(`${at}: expected a kind of store (${kinds}) but received ${JSON.stringify(kind) ?? "none"}`);
      continue;
    }
    const { resolved, unresolved } = resolveValues(kind as StoreKind, value, { env, base: raw.base, nameOf });
    faults.push(...unresolved);
    const parsed = storeKinds[kind as StoreKind].safeParse(resolved);
    if (parsed.success && unresolved.length === 0) stores.push({ name, settings: parsed.data, nameOf });
    for (const issue of parsed.error?.issues ?? []) {
      const said = unresolved.some((fault) => fault.startsWith(nameOf(String(issue.path[0]))));
      if (!said) faults.push(...faultOf(issue, kind as StoreKind, resolved, nameOf));
    }
  }
  return { stores, faults: [...faults, ...rootFaults(stores)] };
}

/** From where an account's paths without a leading slash start, the server alone knows: it may be what another store calls `/`. */
function rootFaults(stores: readonly ReadStore[]): readonly string[] {
  const accounts = stores.flatMap(({ settings, nameOf }) => {
    if (settings.kind !== "sftp" && settings.kind !== "ftp") return [];
    const { kind, host, port, root } = settings;
    return [
      { server: `${kind} ${host.toLowerCase()} ${port}`, isAbsolute: root.startsWith("/"), name: nameOf("root") },
    ];
  });
  return [...Map.groupBy(accounts, ({ server }) => server).values()].flatMap((its) => {
    const [from, other] = [its.find(({ isAbsolute }) => isAbsolute), its.find(({ isAbsolute }) => !isAbsolute)];
    if (from === undefined || other === undefined) return [];
    return [
      `${from.name} and ${other.name}: expected both with a leading slash or both without: else they may be the same place`,
    ];
  });
}

interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly base: string;
  nameOf(setting: string): string;
}

/** Secrets, and names that go with them, may stand elsewhere: `env:NAME`, `file:PATH`. Paths start from the file that says them. */
function resolveValues(kind: StoreKind, value: Readonly<Record<string, unknown>>, { env, base, nameOf }: Surroundings) {
  const unresolved: string[] = [];
  const resolved: Record<string, unknown> = { ...value };
  for (const { key, isPath } of storeFields[kind]) {
    const text = value[key];
    if (typeof text !== "string") continue;
    if (isPath && text !== "") resolved[key] = resolve(base, text);
    const [, from, where = ""] = (!isPath && /^(env|file):(.+)$/.exec(text)) || [];
    if (from === "env") {
      resolved[key] = env[where];
      if (!env[where]) unresolved.push(`${nameOf(key)}: there is no variable ${where} in the environment`);
    } else if (from === "file") {
      try {
        resolved[key] = readFileSync(resolve(base, where), "utf8").trim();
      } catch (error) {
        unresolved.push(`${nameOf(key)}: ${where} can't be read (${(error as NodeJS.ErrnoException).code})`);
      }
    }
  }
  return { resolved, unresolved };
}

function faultOf(
  issue: z.core.$ZodIssue,
  kind: StoreKind,
  value: Readonly<Record<string, unknown>>,
  nameOf: (setting: string) => string,
): string[] {
  const fields = storeFields[kind];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const guess = nearest(
        key,
        fields.map((field) => field.key),
      );
      return `${nameOf(key)}: there is no such setting of ${kind}${guess ? `; did you mean ${guess}?` : ""}`;
    });
  }
  const key = String(issue.path[0] ?? "");
  const field = fields.find((one) => one.key === key);
  if (issue.code === "custom" && issue.params?.why) return [`${nameOf(key)}: ${issue.params.why}`];
  const isHidden = field?.isSecret || mayHoldSecret(value[key]);
  const received = isHidden ? "something else, which is not shown" : JSON.stringify(value[key]);
  return [`${nameOf(key)}: expected ${field?.expected ?? "another value"} but received ${received ?? "nothing"}`];
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
