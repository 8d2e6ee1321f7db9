import { type Job, maxJobBytes } from "../core/job.ts";
import { Problem } from "../errors.ts";

/** A message as it lies in a log. */
export interface LogMessage {
  readonly key?: Buffer;
  readonly value: Buffer;
  readonly headers: Map<Buffer, Buffer>;
}

const notBeforeHeader = "veil-not-before";

/** A job as a message; its key brings all copies of one job into one partition. */
export function encodeJob(job: Job, notBefore?: number): LogMessage {
  const value = Buffer.from(JSON.stringify(job));
  if (value.length > maxJobBytes) {
    const detail = `Expected at most ${maxJobBytes} bytes for job ${job.id} (key of ${job.input.key.length} characters)`;
    throw new Problem("invalid-request", detail);
  }
  const headers = headersOf(notBefore === undefined ? {} : { [notBeforeHeader]: String(notBefore) });
  return { key: Buffer.from(job.id), value, headers };
}

/** A copy for `veil.dead`, with why and whence. */
export function encodeDead(
  { key, value }: { readonly key?: Buffer | null; readonly value: Buffer | null },
  why: { readonly reason: string; readonly from: string },
): LogMessage {
  const headers = headersOf({ "veil-reason": why.reason, "veil-from": why.from });
  return { ...(key && { key }), value: value ?? Buffer.alloc(0), headers };
}

/** The job in a message and when it may be lent; undefined when it is none. */
export function decodeJob({
  value,
  headers,
}: {
  readonly value: Buffer | null;
  readonly headers: Iterable<readonly [Buffer | null, Buffer | null]>;
}): { readonly job: Job; readonly notBefore: number } | undefined {
  if (value === null || value.length > maxJobBytes) return undefined;
  let notBefore = 0;
  for (const [name, text] of headers) if (name?.toString() === notBeforeHeader) notBefore = Number(text?.toString());
  const job = parse(value.toString());
  return isJob(job) && Number.isSafeInteger(notBefore) ? { job, notBefore } : undefined;
}

function headersOf(texts: Readonly<Record<string, string>>): Map<Buffer, Buffer> {
  return new Map(Object.entries(texts).map(([name, text]) => [Buffer.from(name), Buffer.from(text)]));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Told by the caller, without the text: it may be anybody's.
    return undefined;
  }
}

/** Anyone may write to a topic, and the worker must not fall over what it is lent. */
function isJob(value: unknown): value is Job {
  if (!isRecord(value)) return false;
  const { id, revision, generation, route, medium, input, output, policy } = value;
  return (
    [id, route].every((text) => typeof text === "string" && text !== "") &&
    [revision, generation].every((number) => Number.isSafeInteger(number)) &&
    medium === "image" &&
    isLocation(input) &&
    typeof input.version === "string" &&
    isLocation(output) &&
    isRecord(policy)
  );
}

function isLocation(value: unknown): value is Record<string, unknown> {
  return isRecord(value) && typeof value.store === "string" && typeof value.key === "string";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
