import { stringify } from "yaml";
import { z } from "zod";
import { settingsSchema } from "./settings.ts";

/** One setting, as documentation and faults name it. */
export interface ConfigField {
  /** For example `policy.minScore`. */
  readonly path: string;
  /** What comes before the last dot: `policy`, or nothing. */
  readonly section: string;
  /** What comes after it: `minScore`. */
  readonly key: string;
  /** For example `VEIL_POLICY_MIN_SCORE`. */
  readonly env: string;
  readonly type: "array" | "boolean" | "integer" | "number" | "string";
  /** In words: `a whole number from 0 to 65535`. */
  readonly expected: string;
  /** The default in words; a fixed one as YAML. */
  readonly shown: string;
  readonly description: string;
  /** Whether the value is a path of the file system. */
  readonly isPath: boolean;
  /** Whether the value is never shown. */
  readonly isSecret: boolean;
}

/** What is read of a JSON schema. */
export interface JsonSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
  readonly description?: string;
  readonly shown?: string;
  readonly expected?: string;
  readonly path?: boolean;
  readonly secret?: boolean;
}

/** Every setting there is, in the schema's order. */
export const configFields: readonly ConfigField[] = fieldsOf(
  z.toJSONSchema(settingsSchema, { io: "input" }) as JsonSchema,
  "",
);
/** By path. */
export const fieldByPath: ReadonlyMap<string, ConfigField> = new Map(configFields.map((field) => [field.path, field]));
/** The settings that hold others, for example `policy`. */
export const sections: ReadonlySet<string> = new Set(
  configFields.flatMap(({ section }) => {
    const names = section.split(".");
    return section === "" ? [] : names.map((_, index) => names.slice(0, index + 1).join("."));
  }),
);

/** A value as YAML on one line. */
export function yamlOf(value: unknown): string {
  return stringify(value, { lineWidth: 0 }).trim();
}

/** The settings that a schema describes; those named in `whole` are one, whatever they hold. */
export function fieldsOf(node: JsonSchema, prefix: string, whole: readonly string[] = []): ConfigField[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) => {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    if (child.properties && !whole.includes(path)) return fieldsOf(child, path);
    return {
      path,
      section: prefix,
      key,
      env: `VEIL_${path.replaceAll(".", "_").replace(/[A-Z]/g, "_$&").toUpperCase()}`,
      type: child.type as ConfigField["type"],
      expected: expectedOf(child),
      shown: child.shown ?? (child.default === undefined ? "" : `\`${yamlOf(child.default)}\``),
      description: child.description ?? "",
      isPath: child.path === true,
      isSecret: child.secret === true,
    };
  });
}

function expectedOf({ type, enum: values, minimum, maximum, path, expected }: JsonSchema): string {
  if (expected !== undefined) return expected;
  if (values) return values.length === 1 ? `${values[0]}` : `one of ${values.join(", ")}`;
  if (type === "boolean") return "true or false";
  if (type === "string") return path ? "a path" : "text";
  const range = maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
  return `a ${type === "integer" ? "whole number" : "number"} ${range}`;
}
