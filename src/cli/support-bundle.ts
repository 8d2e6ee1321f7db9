import { existsSync, readFileSync } from "node:fs";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { availableParallelism, release, totalmem } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { downloadZip } from "client-zip";
import type { Config } from "../config.ts";
import { openDataFolder } from "../data-folder.ts";
import { placesIn } from "../data-places.ts";
import { toProblem } from "../errors.ts";
import { readProgress } from "../pipeline/progress.ts";
import { version } from "../version.ts";
import type { NamedFinding } from "./finding.ts";
import { createRedaction, type Redaction } from "./support-redact.ts";

const recentTroubles = 200;
const lastLines = 2000;
const metricsMs = 5000;

export interface BundleOptions {
  readonly file: string;
  /** Names too: of folders, routes, servers and files. */
  readonly names?: boolean;
  /** A file of veil's log. */
  readonly log?: string;
}

/** Writes a ZIP with what helps to help: nothing personal and no secret; with `names` what somebody has named, too. */
export async function writeBundle(
  config: Config,
  findings: readonly NamedFinding[],
  { file, names = false, log }: BundleOptions,
): Promise<void> {
  const redaction = createRedaction(config, names);
  const parts: Record<string, () => Promise<string>> = {
    "README.txt": async () => readme(names),
    "versions.json": async () => json(versions()),
    "configuration.yaml": async () => redaction.settings(config),
    "doctor.txt": async () => findings.map((finding) => findingLine(finding, redaction)).join(""),
    "data-folder.json": () => dataFolder(config).then(json),
    "jobs.json": () => jobsOf(config, redaction).then(json),
    "metrics.txt": () => metricsOf(config, redaction),
    ...(log !== undefined && { "log.jsonl": () => logLines(log, redaction) }),
  };
  const entries: { name: string; input: string }[] = [];
  for (const [name, make] of Object.entries(parts)) {
    // Where something is broken, the rest is what is needed.
    const input = await make().catch((error: unknown) => `could not be read: ${toProblem(error).code}\n`);
    entries.push({ name, input: redaction.words(input) });
  }
  const zip = new Uint8Array(await downloadZip(entries).arrayBuffer());
  await writeFile(file, zip, { mode: 0o600 });
}

function readme(names: boolean): string {
  const left = names
    ? "It was asked for with names: of folders, routes, servers and files. Secrets are left out."
    : "Left out are secrets, and all that somebody has named: folders, servers, files, routes, people.";
  return `A bundle of veil's for whoever helps.\n${left}\nNo picture and nothing of a picture is in it. Look through it before you send it.\n`;
}

function versions(): object {
  const packages = ["sharp", "onnxruntime-node", "fastify", "pg", "rabbitmq-client", "@platformatic/kafka", "ioredis"];
  const versionOf = (name: string) => {
    const path = new URL(`../../node_modules/${name}/package.json`, import.meta.url);
    return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).version : undefined;
  };
  return {
    ...{ veil: version, node: process.version, platform: `${process.platform} ${process.arch} ${release()}` },
    ...{ cores: availableParallelism(), memoryMiB: Math.round(totalmem() / 2 ** 20) },
    packages: Object.fromEntries(packages.map((name) => [name, versionOf(name)])),
  };
}

/** A finding's text names folders and servers; of these few it can't. */
const nameless = new Set(["Node", "Detector", "Isolation", "HEIC", "Cache"]);

function findingLine({ name, mark, text, code }: NamedFinding, { names }: Redaction): string {
  const shown = names || (nameless.has(name) && mark !== "fault") ? text : (code ?? "");
  return `${mark.padEnd(6)} ${name.padEnd(14)} ${shown}\n`;
}

/** How large things are, and which tables the database has. */
async function dataFolder({ dataDir }: Config): Promise<object> {
  const places = placesIn(dataDir);
  const sizes: Record<string, number> = {};
  for (const name of ["database", "spool", "cache", "models", "inbox", "results"] as const) {
    sizes[name] = await sizeOf(places[name]);
  }
  if (!existsSync(places.database)) return { bytes: sizes };
  const database = new DatabaseSync(places.database, { readOnly: true });
  try {
    return { bytes: sizes, tables: database.prepare("select part, version from migrations").all() };
  } finally {
    database.close();
  }
}

async function sizeOf(path: string): Promise<number> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) return 0;
  if (!info.isDirectory()) return info.size;
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile());
  const all = await Promise.all(
    files.map(({ parentPath, name }) => stat(join(parentPath, name)).catch(() => undefined)),
  );
  return all.reduce((sum, one) => sum + (one?.size ?? 0), 0);
}

/** What has become of jobs: counts by route, and the newest troubles by their codes. */
async function jobsOf(config: Config, { route, names }: Redaction): Promise<object> {
  if (!existsSync(placesIn(config.dataDir).key)) return { routes: [] };
  await using data = await openDataFolder(config, () => {});
  const routes = await readProgress(data.ledger, Date.now());
  const { records } = await data.ledger.find({ states: ["dead", "held", "failed"], limit: recentTroubles });
  return {
    routes: routes.map((its) => ({ ...its, route: route(its.route) })),
    troubles: records.map(({ job, state, attempts, updatedAt, last }) => ({
      ...{ at: new Date(updatedAt).toISOString(), route: route(job.route), state, attempts, code: last.code },
      ...(names && { id: job.id, key: job.input.key, message: last.message }),
    })),
  };
}

/** Of the process that serves this data folder, if one does. */
async function metricsOf(config: Config, { route, names }: Redaction): Promise<string> {
  const word = join(config.dataDir, "serve.address");
  if (!existsSync(word)) return "no process serves this data folder\n";
  const { host, port } = config.monitor;
  const monitor = host === undefined ? undefined : `http://${host === "0.0.0.0" ? "127.0.0.1" : host}:${port}`;
  const address = monitor ?? (await readFile(word, "utf8")).trim();
  const reply = await fetch(`${address}/metrics`, { signal: AbortSignal.timeout(metricsMs) });
  if (!reply.ok) return `not told, ${reply.status}: set monitor.host where a login is asked for\n`;
  const lines = (await reply.text()).split("\n").filter((line) => names || !/^veil_eval/.test(line));
  return lines.map((line) => line.replace(/route="([^"]*)"/g, (_, name) => `route="${route(name)}"`)).join("\n");
}

/** What a line of the log says without what it is about. */
const tellable = new Set(["level", "time", "code", "alert", "regions", "verb", "withinMs"]);

async function logLines(file: string, { names }: Redaction): Promise<string> {
  const lines = (await readFile(file, "utf8")).trimEnd().split("\n").slice(-lastLines);
  if (names) return `${lines.join("\n")}\n`;
  const redacted = lines.flatMap((line) => {
    try {
      const { msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
      const kept = Object.entries(rest).filter(
        ([key, value]) => tellable.has(key) && /^[\w:.+-]{1,40}$/.test(String(value)),
      );
      const words = /^job [a-z]+$/.test(String(msg)) ? { msg } : {};
      return [`${JSON.stringify({ ...Object.fromEntries(kept), ...words })}\n`];
    } catch {
      // Not a line of veil's.
      return [];
    }
  });
  return redacted.join("");
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
