import { withoutQuery } from "../config/address.ts";
import { type ConfigField, configFields } from "../config/fields.ts";
import { routeFields } from "../config/route-settings.ts";
import { storeFields } from "../config/store-settings.ts";
import type { Config } from "../config.ts";
import { routesOf } from "../config.ts";

/** What may be told of an installation; without `names` nothing that somebody has chosen freely. */
export interface Redaction {
  readonly names: boolean;
  /** The route's name, or a number in its place. */
  route(name: string): string;
  /** Settings with what may be told of each, as lines of YAML. */
  settings(config: Config): string;
  /** Text without any secret of the configuration. */
  words(text: string): string;
}

const set = "(set, not shown)";
/** Free text by type, but only ever one of few words. */
const plain = new Set(["roles", "detector", "jobs.window"]);

export function createRedaction(config: Config, names: boolean): Redaction {
  const routes = new Map([...routesOf(config).keys(), "upload"].map((name, index) => [name, `route-${index + 1}`]));
  const route = (name: string) => {
    if (names || name === "folder" || name === "upload") return name;
    if (!routes.has(name)) routes.set(name, `route-${routes.size + 1}`);
    return routes.get(name)!;
  };
  const secrets = secretsOf(config);
  const shown = (field: ConfigField, value: unknown, origin?: string): string => {
    if (field.isSecret) return set;
    const isDefault = origin === "default" && !field.isPath;
    if (names || isDefault || isSafe(field, value)) return JSON.stringify(withoutQuery(value));
    return set;
  };
  return {
    names,
    route,
    words: (text) => secrets.reduce((rest, secret) => rest.replaceAll(secret, "(secret)"), text),
    settings(its) {
      const lines = configFields.flatMap((field) => {
        const value = at(its, field.path);
        const origin = (its.origins[field.path] ?? "default").replace(/^.*\.ya?ml:/, "veil.yaml:");
        return value === undefined
          ? []
          : [`${field.path}: ${shown(field, value, origin)} # ${names ? origin : origin.replace(/:\d+$/, "")}`];
      });
      for (const [name, settings] of Object.entries(its.routes ?? {})) {
        for (const field of routeFields) {
          const value = (settings as Record<string, unknown>)[field.key];
          if (value !== undefined) lines.push(`routes.${route(name)}.${field.key}: ${shown(field, value)}`);
        }
      }
      for (const [index, [name, settings]] of Object.entries(its.stores ?? {}).entries()) {
        const prefix = `stores.${names ? name : `store-${index + 1}`}`;
        lines.push(`${prefix}.kind: ${settings.kind}`);
        for (const field of storeFields[settings.kind]) {
          const value = (settings as unknown as Record<string, unknown>)[field.key];
          if (value !== undefined) lines.push(`${prefix}.${field.key}: ${shown(field, value)}`);
        }
      }
      return `${lines.join("\n")}\n`;
    },
  };
}

/** Numbers, yes and no, and one of a few words that the schema lists. */
function isSafe({ path, type, expected, isPath }: ConfigField, value: unknown): boolean {
  if (isPath) return false;
  if (typeof value === "number" || typeof value === "boolean") return true;
  if (path === "policy" && typeof value === "object") return true;
  return plain.has(path) || (type === "string" && /^one of /.test(expected));
}

/** Every secret value, and what is secret within an address; the longest first. */
function secretsOf(config: Config): readonly string[] {
  const own = configFields.filter(({ isSecret }) => isSecret).map(({ path }) => at(config, path));
  const stores = Object.values(config.stores ?? {}).flatMap((settings) =>
    storeFields[settings.kind]
      .filter(({ isSecret }) => isSecret)
      .map(({ key }) => (settings as unknown as Record<string, unknown>)[key]),
  );
  const queries = configFields.map(({ path }) => URL.parse(String(at(config, path)))?.search.slice(1));
  const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
  const texts = [...own, ...stores, ...queries].filter(isText);
  const within = texts.flatMap((text) => {
    const { password = "" } = URL.parse(text) ?? {};
    return password === "" ? [] : [password, decodeURIComponent(password)];
  });
  return [...new Set([...texts, ...within])].filter((text) => text.length > 2).sort((a, b) => b.length - a.length);
}

function at(config: Config, path: string): unknown {
  return path.split(".").reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], config);
}
