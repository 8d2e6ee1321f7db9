import type { AsyncMessage } from "rabbitmq-client";
import { type Job, type Lane, lanes, maxJobBytes } from "../core/job.ts";
import { Problem } from "../errors.ts";

/** A message on its way to a queue. */
export interface RabbitMessage {
  readonly queue: string;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string | number>>;
}

/** A job as a message. `notBefore` (ms since 1970) holds whatever the broker does. */
export function encodeJob(job: Job, lane: Lane, queue: string, notBefore = 0): RabbitMessage {
  const body = Buffer.from(JSON.stringify(job));
  if (body.length > maxJobBytes) {
    const detail = `Expected at most ${maxJobBytes} bytes for job ${job.id} (key of ${job.input.key.length} characters)`;
    throw new Problem("invalid-request", `${detail} but received ${body.length}`);
  }
  return { queue, body, headers: { "veil-lane": lane, ...(notBefore > 0 && { "veil-not-before": notBefore }) } };
}

/** The job in a message; undefined where there is none. */
export function jobIn({ body }: AsyncMessage): Job | undefined {
  if (!isRecord(body) || !isRecord(body.input) || !isRecord(body.output) || !isRecord(body.policy)) return;
  const { input, output } = body;
  const texts = [body.id, body.route, body.medium, input.store, input.key, input.version, output.store, output.key];
  if (!texts.every((text) => typeof text === "string")) return;
  if (!Number.isSafeInteger(body.revision) || !Number.isSafeInteger(body.generation)) return;
  return body as unknown as Job;
}

/** What veil noted on a message itself. */
export function notesOf({ headers }: AsyncMessage) {
  const lane = lanes.find((one) => one === headers?.["veil-lane"]);
  const notBefore = Number(headers?.["veil-not-before"] ?? 0);
  return { lane, notBefore: Number.isFinite(notBefore) ? notBefore : 0, returned: headers?.["veil-returned"] === 1 };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Buffer.isBuffer(value);
}
