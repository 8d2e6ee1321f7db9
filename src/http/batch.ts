import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { maskedName } from "../core/masked-name.ts";
import type { Policy } from "../core/policy.ts";
import { Problem } from "../errors.ts";
import { type MaskedNow, maskNow } from "../pipeline/mask-now.ts";
import { whoAsks } from "./access.ts";
import { noteMasking } from "./audit-note.ts";
import { failureOf, goneSignal } from "./gone.ts";
import { regionBody } from "./masked-reply.ts";
import { mergeFields, policyFor } from "./options.ts";
import type { HttpParts } from "./parts.ts";
import { problemBody } from "./problem-reply.ts";
import { type AnonymizedItem, batchFormSchema, batchQuerySchema, batchResponseSchema } from "./schema.ts";
import { receiveForm, type Upload } from "./upload.ts";

/** A name and its outcome; the bytes lie in the spool. */
interface Item {
  readonly name: string;
  readonly result: MaskedNow | Problem;
}

/** Who asks, and whether that one is still there. */
interface Asker {
  readonly signal: AbortSignal;
  readonly who: string | undefined;
}

/** How many failures the X-Veil-Errors header names: clients refuse headers of more than 16 kB. */
const maxNamedErrors = 200;

/** Many pictures in one request: uploads spool to disk and results stream out, so memory does not grow with the count. */
export function batchRoute(parts: HttpParts): FastifyPluginAsyncZod {
  const { medium, spool, limits, results, detector, policy: defaults, room } = parts;

  async function maskUpload({ name, file }: Upload, policy: Policy, { signal, who }: Asker): Promise<Item> {
    if (file instanceof Problem) return { name, result: file };
    await using original = file;
    try {
      const about = { policy, signal, lane: "interactive" as const };
      const work = () => maskNow(medium, original, about);
      const { sha256 } = original;
      const find = () => results.through({ sha256, ...about }, work);
      return { name, result: await noteMasking(parts, { original, policy, who }, find) };
    } catch (error) {
      signal.throwIfAborted();
      return { name, result: failureOf(error) };
    }
  }

  return async (server) => {
    server.post(
      "/anonymize/batch",
      {
        schema: {
          summary: "Mask many pictures",
          description:
            "multipart/form-data with files in repeated `images`; options as query or form fields. The answer is a JSON array in the order sent: base64 strings, `null` for an item that fails; the header X-Veil-Errors says which and why (`2=unreadable; 5=unsupported`). With `detail=1` objects with regions and problems.",
          tags: ["masking"],
          querystring: batchQuerySchema,
        },
        config: {
          bodies: { "multipart/form-data": batchFormSchema },
          answer: { "application/json": batchResponseSchema },
        },
      },
      async (request, reply) => {
        const signal = goneSignal(reply);
        await using form = await receiveForm(request, {
          spool,
          maxBytes: limits.maxBytes,
          room,
          field: "images",
          signal,
        });
        if (form.uploads.length === 0) throw new Problem("invalid-request", "Expected files in the field images");
        const { detail, ...options } = mergeFields(batchQuerySchema, form.fields, request.query);
        const policy = policyFor(defaults, options);
        const asker = { signal, who: whoAsks(request) };
        const settled = await Promise.allSettled(form.uploads.map((upload) => maskUpload(upload, policy, asker)));
        const items = settled.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
        const fault = settled.find((outcome) => outcome.status === "rejected");
        if (fault) {
          await removeAll(items);
          throw fault.reason;
        }
        const errors = namedErrors(items);
        if (errors) reply.header("x-veil-errors", errors);
        const body = Readable.from(
          arrayOf(items, (item) => (detail === "1" ? detailed(item, detector.name) : bare(item))),
        );
        body.once("close", () => void removeAll(items));
        return reply.type("application/json").send(body);
      },
    );
  };
}

function namedErrors(items: readonly Item[]): string {
  const failures = items.flatMap(({ result }, index) => (result instanceof Problem ? [`${index}=${result.code}`] : []));
  const rest = failures.length - maxNamedErrors;
  return failures.slice(0, maxNamedErrors).join("; ") + (rest > 0 ? `; and ${rest} more` : "");
}

async function* arrayOf(items: readonly Item[], write: (item: Item) => AsyncIterable<string>): AsyncIterable<string> {
  yield "[";
  for (const [index, item] of items.entries()) {
    if (index > 0) yield ",\n";
    yield* write(item);
    await removeAll([item]);
  }
  yield "]\n";
}

async function* bare({ result }: Item): AsyncIterable<string> {
  if (result instanceof Problem) yield "null";
  else yield* base64String(result.masked.path);
}

async function* detailed({ name, result }: Item, detector: string): AsyncIterable<string> {
  const failed = result instanceof Problem;
  const item: AnonymizedItem = {
    name,
    masked_name: failed ? null : maskedName(name, result.masked.contentType),
    anonymized_base64: null,
    content_type: failed ? null : result.masked.contentType,
    width: failed ? null : result.masked.width,
    height: failed ? null : result.masked.height,
    frames: failed ? null : result.frames,
    regions: failed ? [] : result.regions.map(regionBody),
    detector: failed ? null : detector,
    previews: null,
    problem: failed ? problemBody(result) : null,
  };
  if (failed) {
    yield JSON.stringify(item);
    return;
  }
  const { anonymized_base64: _, ...rest } = item;
  yield '{"anonymized_base64":';
  yield* base64String(result.masked.path);
  yield `,${JSON.stringify(rest).slice(1)}`;
}

/** A file as a JSON string of base64, some hundred kilobytes at a time. */
async function* base64String(path: string): AsyncIterable<string> {
  yield '"';
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: 3 * 65_536 })) {
    const bytes: Buffer = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    const whole = bytes.length - (bytes.length % 3);
    yield bytes.toString("base64", 0, whole);
    rest = bytes.subarray(whole);
  }
  yield `${rest.toString("base64")}"`;
}

async function removeAll(items: readonly Item[]): Promise<void> {
  for (const { result } of items) if (!(result instanceof Problem)) await result[Symbol.asyncDispose]();
}
