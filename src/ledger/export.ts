import { canonical, type Json, type JsonObject, valueAt } from "./canonical.ts";
import type { FoundRecord, RecordQuery, Seals } from "./seals.ts";

/** Columns of the table, each with where its value lies in a record; the first that is there. */
const columns: Readonly<Record<string, readonly string[]>> = {
  outcome: ["kind", "outcome"],
  job: ["job.id"],
  route: ["job.route"],
  revision: ["job.revision"],
  input_store: ["job.input.store"],
  input_path: ["job.input.key"],
  input_version: ["job.input.version"],
  input_sha256: ["detail.input.sha256", "input.sha256"],
  input_bytes: ["detail.input.size", "input.size"],
  output_store: ["job.output.store"],
  output_path: ["job.output.key"],
  output_version: ["detail.output.version"],
  output_sha256: ["detail.output.sha256", "output.sha256"],
  output_bytes: ["detail.output.size", "output.size"],
  regions: ["detail.regions", "regions"],
  style: ["job.policy.style", "policy.style"],
  strength: ["job.policy.strength", "policy.strength"],
  policy: ["job.policy", "policy"],
  detector: ["detail.detector.name", "detector.name"],
  model_digest: ["detail.detector.digest", "detector.digest"],
  code: ["detail.code", "code"],
  message: ["detail.message"],
  attempt: ["detail.attempt"],
  records: ["records"],
  who: ["detail.who", "who"],
  veil: ["detail.veil", "veil"],
};

const pageSize = 500;

/** Sealed records that the query asks for, in the chain's order. */
export async function* foundRecords(seals: Seals, query: RecordQuery): AsyncGenerator<FoundRecord> {
  let position = 0;
  while (true) {
    const page = await seals.sealed(position, pageSize, query);
    yield* page;
    if (page.length < pageSize) return;
    position = page.at(-1)!.position + 1;
  }
}

export const csvHeader = `${["position", "record", "at", ...Object.keys(columns), "erased", "leaf"].join(",")}\r\n`;

/** A line of CSV (RFC 4180), in which no cell is a formula to a spreadsheet. */
export function csvLine({ position, kind, body = {}, commitments, leaf }: FoundRecord): string {
  const at = typeof body.at === "number" ? timeOf(body.at) : "";
  const values = Object.values(columns).map((paths) => firstAt(body, paths));
  const cells = [position, kind, at, ...values, commitments === undefined ? "" : "yes", leaf];
  return `${cells.map(cell).join(",")}\r\n`;
}

/** A record with its place and its hashes, as one line of JSON. */
export function jsonLine({ position, kind, body, commitments, leaf, chain }: FoundRecord): string {
  const erased = commitments === undefined ? {} : { erased: true, commitments };
  return `${canonical({ position, type: kind, ...erased, record: body ?? null, leaf, chain })}\n`;
}

/** ISO 8601; a number that is no time, as an edited record may hold, as it is. */
export function timeOf(at: number): string {
  return Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : String(at);
}

function firstAt(body: JsonObject, paths: readonly string[]): Json {
  for (const path of paths) {
    const value = valueAt(body, path);
    if (value !== undefined) return value;
  }
  return "";
}

function cell(value: Json): string {
  if (typeof value === "number") return String(value);
  const text = typeof value === "string" ? value : canonical(value);
  // A spreadsheet takes these for the beginning of a formula; the apostrophe says that they are text.
  const safe = /^\s*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",\r\n;']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
