import type { JsonObject } from "./canonical.ts";
import type { Commitments, LedgerRecord, RecordKind } from "./chain.ts";
import type { FoundRecord } from "./seals.ts";

/** A row as a database answers it: bytes as Uint8Array, JSON as text. */
export type LedgerRow = Readonly<Record<string, unknown>>;

/** Whether a path that is asked for names several: with `*`, `?` or `[`. */
export function isPattern(path: string): boolean {
  return /[*?[]/.test(path);
}

/** A sealed row with its record, where that is still there. */
export function toFound(row: LedgerRow): FoundRecord {
  const body = bodyOf(row);
  return {
    kind: row.kind as RecordKind,
    seq: Number(row.seq),
    position: Number(row.position),
    ...(body && { body }),
    ...(row.seed !== null && { seed: hex(row.seed) }),
    ...(row.commitments !== null && { commitments: JSON.parse(String(row.commitments)) as Commitments }),
    leaf: hex(row.leaf),
    chain: hex(row.chain),
  };
}

/** A row of a record that is not sealed yet. */
export function toRecord(row: LedgerRow): LedgerRecord {
  return { kind: row.kind as RecordKind, seq: Number(row.seq), body: bodyOf(row)! };
}

/** Everything that the tables say about it, so that no column can be changed unseen. Undefined where it is gone. */
function bodyOf(row: LedgerRow): JsonObject | undefined {
  if (row.kind !== "event") return row.text === null ? undefined : parse(row.text);
  if (row.event === null || row.id === null) return undefined;
  const job = parse(row.job);
  const input = (job.input ?? {}) as JsonObject;
  const columns = { id: row.id, route: row.route, key: row.key, version: row.version };
  const said = { id: job.id, route: job.route, key: input.key, version: input.version };
  const differ = Object.entries(said).some(([name, value]) => columns[name as keyof typeof columns] !== value);
  return {
    job: { ...job, generation: Number(row.generation) },
    ...(differ && { columns: columns as unknown as JsonObject }),
    lane: String(row.lane),
    ...(row.request_digest !== null && { requestDigest: String(row.request_digest) }),
    admittedAt: Number(row.admitted_at),
    kind: String(row.event),
    at: Number(row.at),
    detail: parse(row.detail),
  };
}

/** What is no JSON any more is a record too, of what it says. */
function parse(text: unknown): JsonObject {
  try {
    const value: unknown = JSON.parse(String(text));
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return value as JsonObject;
  } catch {
    // Falls through: the leaf shows that it was changed.
  }
  return { unreadable: String(text) };
}

function hex(value: unknown): string {
  return Buffer.from(value as Uint8Array).toString("hex");
}
