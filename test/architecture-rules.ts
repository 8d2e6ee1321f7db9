import { posix } from "node:path";

/** Source texts by their path from the repository's root. */
export type Sources = ReadonlyMap<string, string>;

interface Floor {
  readonly name: string;
  readonly files: RegExp;
  /** Floors that its files may import, besides their own. */
  readonly may: readonly string[];
  /** Of those, the ones of which it takes types alone. */
  readonly types?: readonly string[];
  readonly packages?: readonly string[];
  /** The only modules of Node it may use; absent: any. */
  readonly node?: readonly string[];
}

const contracts = ["store", "queue", "cache", "source", "ledger", "alert"];
const below = ["errors", "leaves", "core", ...contracts];
const houses = [
  "auth",
  "stores",
  "queues",
  "caches",
  "sources",
  "ledgers",
  "engine",
  "pipeline",
  "http",
  "config",
  "alerts",
];

/** From the ground up. The words are in ARCHITECTURE.md. */
const floors: readonly Floor[] = [
  { name: "errors", files: /^src\/errors\.ts$/, may: [], node: [] },
  { name: "addresses", files: /^src\/(postgres|network)-address\.ts$/, may: [], node: ["node:net"] },
  {
    name: "leaves",
    files:
      /^src\/(log|sqlite|sqlite-thread|postgres(-[a-z]+)?|outbound(-[a-z]+)?|certificate|bell|points|tracing|version)\.ts$/,
    may: ["errors", "addresses"],
    packages: ["pino", "pg", "@opentelemetry/*"],
  },
  { name: "core", files: /^src\/core\//, may: ["errors"], node: ["node:crypto"] },
  { name: "store", files: /^src\/stores\/store\.ts$/, may: ["core", "errors"], types: ["core"] },
  { name: "queue", files: /^src\/queues\/queue\.ts$/, may: ["core", "errors"], types: ["core"] },
  { name: "cache", files: /^src\/caches\/cache\.ts$/, may: [] },
  {
    name: "source",
    files: /^src\/sources\/(source|feed)\.ts$/,
    may: ["core", "errors", "store"],
    types: ["core", "store"],
  },
  {
    name: "ledger",
    files: /^src\/ledger\/(ledger|leases|pauses|announcements|keys)\.ts$/,
    may: ["core", "errors"],
    types: ["core"],
  },
  { name: "alert", files: /^src\/alerts\/alert\.ts$/, may: ["core", "errors"], types: ["core", "errors"] },
  {
    name: "stores",
    files: /^src\/stores\//,
    may: ["errors", "leaves", "core", "store"],
    packages: [
      "@aws-sdk/client-s3",
      "@aws-sdk/lib-storage",
      "@aws-sdk/s3-request-presigner",
      "ssh2",
      "basic-ftp",
      "sax",
      "@azure/*",
    ],
  },
  {
    name: "queues",
    files: /^src\/queues\//,
    may: ["errors", "leaves", "core", "queue"],
    packages: ["rabbitmq-client", "@platformatic/kafka"],
  },
  { name: "caches", files: /^src\/caches\//, may: ["errors", "leaves", "core", "cache"], packages: ["ioredis"] },
  {
    name: "sources",
    files: /^src\/sources\//,
    may: ["errors", "leaves", "core", "source", "store", "ledger"],
    types: ["ledger"],
    packages: ["rabbitmq-client", "@platformatic/kafka", "@aws-sdk/client-sqs"],
  },
  { name: "ledgers", files: /^src\/ledger\//, may: ["errors", "leaves", "core", "ledger"] },
  {
    name: "alerts",
    files: /^src\/alerts\//,
    may: ["errors", "leaves", "core", "alert", "ledger"],
    packages: ["nodemailer"],
  },
  {
    name: "engine",
    files: /^src\/engine\//,
    may: ["errors", "core"],
    packages: ["sharp", "onnxruntime-node", "flatbuffers", "pbf"],
  },
  {
    name: "auth",
    files: /^src\/auth\//,
    may: ["errors", "addresses", "core", "ledger"],
    packages: ["jose", "openid-client", "rate-limiter-flexible", "ioredis"],
  },
  {
    name: "eval",
    files: /^src\/eval\//,
    may: ["errors", "core", "engine"],
    packages: ["ml-matrix", "onnxruntime-node", "sharp", "zod"],
  },
  { name: "pipeline", files: /^src\/pipeline\//, may: below },
  {
    name: "http",
    files: /^src\/http\//,
    may: [...below, "addresses", "pipeline", "auth"],
    packages: ["fastify", "fastify-type-provider-zod", "zod", "prom-client", "@fastify/*"],
  },
  { name: "config", files: /^src\/config(\/|\.ts$)/, may: ["errors", "addresses", "core"], packages: ["yaml", "zod"] },
  {
    name: "drivers",
    files: /^src\/(store-drivers|driver(s|-checks))\.ts$/,
    may: [...below, "addresses", "stores", "queues", "caches", "sources", "ledgers", "alerts", "config"],
  },
  {
    name: "data-folder",
    files: /^src\/(data-(folder|places|claim|stores|uploads|keys)|confirmations|disks)\.ts$/,
    may: [...below, "stores", "queues", "ledgers", "config", "drivers"],
  },
  {
    name: "eval-schedule",
    files: /^src\/eval-schedule\.ts$/,
    may: ["errors", "leaves", "core", "eval", "config", "main"],
  },
  {
    name: "folder-routes",
    files: /^src\/folder-routes?\.ts$/,
    may: [...below, "sources", "pipeline", "config", "drivers", "data-folder"],
  },
  {
    name: "events",
    files: /^src\/events\.ts$/,
    may: [...below, "sources", "pipeline", "config", "drivers", "folder-routes", "http"],
  },
  {
    name: "app",
    files: /^src\/app(\/|\.ts$)/,
    may: [...below, ...houses, "addresses", "drivers", "data-folder", "folder-routes", "events", "eval-schedule"],
  },
  {
    name: "cli",
    files: /^src\/cli(\/|\.ts$)/,
    may: [...below, ...houses, "drivers", "data-folder", "events", "app", "eval"],
    packages: ["client-zip", "commander", "cli-progress", "zod"],
  },
  { name: "main", files: /^src\/main\.ts$/, may: ["cli"] },
];

/** Folders with several drivers of one contract; a driver is a file and those named after it (`fs`, `fs-read`). */
const drivers: Readonly<Record<string, readonly string[]>> = {
  "src/stores/": ["fs", "memory", "s3", "sftp", "ftp", "webdav", "swift", "azure"],
  "src/queues/": ["memory", "sqlite", "rabbitmq", "kafka"],
  "src/caches/": ["disk", "memory", "redis"],
  "src/ledger/": ["sqlite", "postgres"],
  "src/sources/": ["watch", "reconcile", "announced", "amqp-feed", "kafka-feed", "sqs-feed"],
  "src/alerts/": ["webhook", "mail"],
};

interface Import {
  readonly from: string;
  /** A path from the root, `node:` module or package. */
  readonly to: string;
  readonly typeOnly: boolean;
  /** Started as a thread or process of its own. */
  readonly started: boolean;
}

/** Every break of a rule, as a sentence that begins with the file. */
export function architectureFaults(sources: Sources): string[] {
  const imports = [...sources].flatMap(([file, text]) => importsOf(file, text));
  return [
    ...[...sources].flatMap(([file, text]) => fileFaults(file, text)),
    ...imports.flatMap((one) => arrowFaults(one, sources)),
    ...cycles(imports).map((cycle) => `${cycle[0]}: import cycle ${cycle.join(" -> ")}`),
    ...telemetryFaults(imports),
    ...brandFaults(sources),
  ];
}

function fileFaults(file: string, text: string): string[] {
  const name = posix.basename(file).replace(/\.[a-z.]+$/, "");
  const lines = text.split("\n").length - 1;
  const faults: string[] = [];
  if (lines > 400) faults.push(`${file}: ${lines} lines; split at 400`);
  if (!file.startsWith("src/")) return faults;
  if (floorOf(file) === undefined) faults.push(`${file}: its folder has no floor`);
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) faults.push(`${file}: expected a kebab-case name`);
  if (/(^|-)(utils?|helpers?|common|misc|base|manager|service)($|-)/.test(name)) {
    faults.push(`${file}: a name that says nothing; name it for what it exports`);
  }
  if (/^export default\b/m.test(text)) faults.push(`${file}: a default export`);
  if (/^export\s[^;=(]*\sfrom\s+"/m.test(text)) faults.push(`${file}: exports what another file defines (a barrel)`);
  if (/^src\/core\//.test(file)) {
    const impure = /\b(Date\.now|new Date\(|Math\.random|performance\.now|process\.|random(Bytes|Int|UUID))/.exec(text);
    if (impure) faults.push(`${file}: core is pure, and this is not: ${impure[0]}`);
  }
  // The engine's processes get an environment of their own.
  if (/\bprocess\.env\b/.test(text) && !/^src\/(cli|engine)(\/|\.ts$)/.test(file)) {
    faults.push(`${file}: reads process.env; settings come from config alone`);
  }
  return faults;
}

function arrowFaults({ from, to, typeOnly }: Import, sources: Sources): string[] {
  const floor = floorOf(from);
  if (from.startsWith("web/")) {
    if (!to.startsWith("src/")) return [];
    const allowed = /^src\/http\/((session|status)-)?schema\.ts$/.test(to) && typeOnly;
    return allowed ? [] : [`${from}: the page takes only types of the API's schemas, not ${to}`];
  }
  if (floor === undefined) return [];
  if (to.startsWith("node:")) {
    const allowed = floor.node === undefined || floor.node.includes(to);
    return allowed ? [] : [`${from}: ${floor.name} may not use ${to}`];
  }
  if (!to.startsWith("src/")) {
    const allowed = (floor.packages ?? []).some((name) => to === name || to.startsWith(name.replace("*", "")));
    return allowed ? [] : [`${from}: ${floor.name} may not use the package ${to}`];
  }
  if (!sources.has(to)) return [`${from}: imports ${to}, which is not there`];
  const target = floorOf(to);
  if (target === undefined) return [];
  if (target.name !== floor.name && !floor.may.includes(target.name)) {
    return [`${from}: ${floor.name} may not import ${target.name} (${to})`];
  }
  if (floor.types?.includes(target.name) && !typeOnly) return [`${from}: ${floor.name} takes only types of ${to}`];
  const [mine, other] = [driverOf(from), driverOf(to)];
  const apart = floor === target && other !== undefined && other !== mine;
  return apart ? [`${from}: a driver's part may not import another driver (${to})`] : [];
}

/** Where the brand is given: to what `render` made, and to what veil sealed when `render` had made it (ADR 0006). */
const makers = ["src/engine/pool.ts", "src/pipeline/sealed-result.ts"];

/** What tells its maker of each use is loaded in one place, where that is turned off. */
function telemetryFaults(imports: readonly Import[]): string[] {
  return imports
    .filter(({ from, to, typeOnly }) => to === "onnxruntime-node" && !typeOnly && from !== "src/engine/onnx-runtime.ts")
    .map(
      ({ from }) => `${from}: takes onnxruntime from src/engine/onnx-runtime.ts alone, which keeps it from reporting`,
    );
}

/** Only `render` makes masked pictures, and `inspectCopy` what is passed on as it is: one assertion at each place. */
function brandFaults(sources: Sources): string[] {
  const placesOf = (brand: RegExp) =>
    [...sources].flatMap(([file, text]) =>
      file.startsWith("src/") ? Array.from(text.matchAll(brand), () => file) : [],
    );
  const masked = placesOf(/\bas\s+Anonymized\b|<Anonymized>\s*[({[\w]/g);
  const copied = placesOf(/\bas\s+Copyable\b|<Copyable>\s*[({[\w]/g);
  const found = (places: readonly string[]) => places.join(", ") || "none";
  return [
    ...(masked.toSorted().join() === makers.join()
      ? []
      : [`src/core/media.ts: expected one "as Anonymized" each in ${makers.join(" and ")} but found ${found(masked)}`]),
    ...(copied.every((file) => file === "src/pipeline/inspect-copy.ts") && copied.length <= 1
      ? []
      : [
          `src/core/media.ts: expected "as Copyable" in src/pipeline/inspect-copy.ts alone, but found ${found(copied)}`,
        ]),
  ];
}

function floorOf(file: string): Floor | undefined {
  return floors.find(({ files }) => files.test(file));
}

function driverOf(file: string): string | undefined {
  const folder = `${posix.dirname(file)}/`;
  const name = posix.basename(file, ".ts");
  return drivers[folder]?.find((driver) => name === driver || name.startsWith(`${driver}-`));
}

const statement = /^(import|export)\s+(type\s)?[^;"]*?\bfrom\s+"([^"]+)"/gm;
/** Side effects, dynamic imports, and modules that are started as a thread or process. */
const loose = /^import\s+"([^"]+)"|\bimport\(\s*"([^"]+)"|new URL\(\s*"(\.[^"]+\.ts)"/gm;

function importsOf(from: string, text: string): Import[] {
  const targetOf = (name: string) => (name.startsWith(".") ? posix.join(posix.dirname(from), name) : name);
  const named = Array.from(text.matchAll(statement), ([whole, , type, name = ""]) => {
    const inline = /\{([^}]*)\}/
      .exec(whole)?.[1]
      ?.split(",")
      .filter((part) => part.trim() !== "");
    const everyInline = inline?.every((part) => part.trim().startsWith("type ")) && !/^import\s+\w/.test(whole);
    return { from, to: targetOf(name), typeOnly: type !== undefined || everyInline === true, started: false };
  });
  const others = Array.from(text.matchAll(loose), ([, a, b, c]) => {
    return { from, to: targetOf(a ?? b ?? c ?? ""), typeOnly: false, started: c !== undefined };
  });
  return [...named, ...others];
}

/** In the program and its page types count too: files that need each other to be understood are one file. */
function cycles(imports: readonly Import[]): string[][] {
  const counted = imports.filter(({ from, typeOnly, started }) => !started && (!typeOnly || !from.startsWith("test/")));
  const next = Map.groupBy(counted, ({ from }) => from);
  const done = new Set<string>();
  const found: string[][] = [];
  const visit = (file: string, way: readonly string[]): void => {
    const at = way.indexOf(file);
    if (at >= 0) found.push([...way.slice(at), file]);
    if (at >= 0 || done.has(file)) return;
    for (const { to } of next.get(file) ?? []) visit(to, [...way, file]);
    done.add(file);
  };
  for (const file of next.keys()) visit(file, []);
  return found;
}
