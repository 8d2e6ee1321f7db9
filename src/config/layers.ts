import { readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { isMap, isNode, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import { type ConfigField, configFields, fieldByPath, sections } from "./fields.ts";
import { nearest } from "./nearest.ts";

/** A setting's value before it is checked. */
export interface Entry {
  readonly value: unknown;
  /** Where it came from, for example `veil.yaml:3`. */
  readonly origin: string;
  /** The folder that a relative path in the value starts from. */
  readonly base: string;
}

/** What stands below `routes:` or `stores:`, before it is checked. */
export interface RawSection {
  readonly value: unknown;
  /** The folder that relative paths start from. */
  readonly base: string;
  /** Where something in it stands, or else what holds it, for example `veil.yaml:7`. */
  originOf(path: readonly (string | number)[]): string;
}

/** Sections whose names are the user's own. */
const named = ["routes", "stores"] as const;

/** What one place says, by the settings' paths; only settings that exist. */
export interface Layer {
  readonly entries: ReadonlyMap<string, Entry>;
  /** What could not be taken, one sentence each. */
  readonly faults: readonly string[];
  /** Only a file can tell of routes and stores. */
  readonly routes?: RawSection;
  readonly stores?: RawSection;
}

const ownFlags = {
  ...{ dataDir: "--data-dir", host: "--host", port: "--port", logLevel: "--log-level", roles: "--roles" },
} as const;

/** What the command line gives, still as text. */
export type ConfigFlags = { readonly [name in keyof typeof ownFlags]?: string | undefined } & {
  /** The file to read in place of `veil.yaml` in the data folder. */
  readonly config?: string | undefined;
  /** `path=value` for any setting. */
  readonly set?: readonly string[] | undefined;
};

/** A flag of its own wins over `--set`. */
export function readFlags(flags: ConfigFlags, cwd: string): Layer {
  const entries = new Map<string, Entry>();
  const faults: string[] = [];
  for (const assignment of flags.set ?? []) {
    const [, path = "", text = ""] = /^\s*([^=]+?)\s*=(.*)$/s.exec(assignment) ?? [];
    const field = fieldByPath.get(path);
    if (path === "") faults.push(`--set ${assignment}: expected path=value, for example policy.style=solid`);
    else if (field) entries.set(path, { value: fromText(field, text), origin: "--set", base: cwd });
    else faults.push(`${path} (--set): ${unknown(path, fieldByPath.keys())}`);
  }
  for (const [path, origin] of Object.entries(ownFlags)) {
    const text = flags[path as keyof typeof ownFlags];
    const field = fieldByPath.get(path);
    if (text !== undefined && field) entries.set(path, { value: fromText(field, text), origin, base: cwd });
  }
  return { entries, faults };
}

/** `VEIL_*`; an empty variable counts as absent, as compose files write it. A secret may stand in a file: `…_FILE`. */
export function readEnv(env: Readonly<Record<string, string | undefined>>, cwd: string): Layer {
  const entries = new Map<string, Entry>();
  const faults: string[] = [];
  const byEnv = new Map(configFields.map((field) => [field.env, field]));
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith("VEIL_") || name === "VEIL_CONFIG" || !text || isServiceLink(name, text)) continue;
    const field = byEnv.get(name);
    const secret = byEnv.get(name.replace(/_FILE$/, ""));
    if (field) entries.set(field.path, { value: fromText(field, text), origin: name, base: cwd });
    else if (secret?.isSecret) {
      try {
        entries.set(secret.path, { value: readFileSync(resolve(cwd, text), "utf8").trim(), origin: name, base: cwd });
      } catch (error) {
        faults.push(`${secret.path} (${name}): ${text} can't be read (${(error as NodeJS.ErrnoException).code})`);
      }
    } else faults.push(`${name} (environment): ${unknown(name, [...byEnv.keys(), "VEIL_CONFIG"])}`);
  }
  return { entries, faults };
}

/** Kubernetes gives every pod such variables for a Service that is called `veil`. */
function isServiceLink(name: string, text: string): boolean {
  return /^VEIL_(SERVICE_|PORT_\d)/.test(name) || (name === "VEIL_PORT" && /^(tcp|udp|sctp):\/\//.test(text));
}

/** A file's settings; an absent file says nothing, unless it is `required`. */
export function readYaml(file: string, required: boolean): Layer {
  const entries = new Map<string, Entry>();
  const faults: string[] = [];
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const absent = code === "ENOENT" || code === "ENOTDIR";
    if (required || !absent) faults.push(`${file}: ${absent ? "there is no such file" : `can't be read (${code})`}`);
    return { entries, faults };
  }
  const lines = new LineCounter();
  const at = (offset: number | undefined) => `${basename(file)}:${lines.linePos(offset ?? 0).line}`;
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    return { entries, faults: document.errors.map((error) => `${at(error.pos[0])}: ${error.message}`) };
  }

  const raw: { [name in (typeof named)[number]]?: RawSection } = {};
  const originIn = (section: string, path: readonly (string | number)[]): string => {
    const whole = [section, ...path];
    while (whole.length > 1 && !document.hasIn(whole)) whole.pop();
    const node = document.getIn(whole, true);
    const holder = whole.length === 1 ? document.contents : document.getIn(whole.slice(0, -1), true);
    // A name's line, where there is one: a value may stand below it.
    const pair = isMap(holder)
      ? holder.items.find(({ key }) => isScalar(key) && key.value === whole.at(-1))
      : undefined;
    const place = isNode(pair?.key) ? pair.key : isNode(node) ? node : undefined;
    return at(place?.range?.[0]);
  };
  const visit = (node: Node | null, section: string): void => {
    if (node === null || (isScalar(node) && node.value === null)) return;
    if (!isMap<Node, Node | null>(node)) {
      faults.push(`${section || "settings"} (${at(node.range?.[0])}): expected names and values below it`);
      return;
    }
    for (const { key, value } of node.items) {
      const path = section === "" ? String(key) : `${section}.${String(key)}`;
      const origin = at(key.range?.[0]);
      const own = named.find((name) => name === path);
      if (own !== undefined) {
        const originOf = (inside: readonly (string | number)[]) => originIn(own, inside);
        raw[own] = { value: value?.toJS(document) ?? null, base: dirname(file), originOf };
      } else if (sections.has(path)) visit(value, path);
      else if (fieldByPath.has(path)) {
        entries.set(path, { value: value?.toJS(document) ?? null, origin, base: dirname(file) });
      } else faults.push(`${path} (${origin}): ${unknown(path, [...fieldByPath.keys(), ...sections, ...named])}`);
    }
  };
  visit(document.contents, "");
  return { entries, faults, ...raw };
}

/** What does not fit the field stays text, and the schema names it a fault. */
function fromText({ type }: ConfigField, text: string): unknown {
  if (type === "string") return text;
  if (type === "boolean") return { true: true, 1: true, false: false, 0: false }[text.toLowerCase()] ?? text;
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function unknown(name: string, known: Iterable<string>): string {
  const guess = nearest(name, known);
  return `there is no such setting${guess ? `; did you mean ${guess}?` : ""}`;
}
