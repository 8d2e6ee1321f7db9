import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { withoutHold } from "../core/policy.ts";
import { Problem } from "../errors.ts";
import { type MaskedNow, maskNow } from "../pipeline/mask-now.ts";
import { streamOf } from "../pipeline/spool.ts";
import { whoAsks } from "./access.ts";
import { type Asked, noteDetection, noteMasking } from "./audit-note.ts";
import { goneSignal } from "./gone.ts";
import { itemOf, readBase64, regionBody, sendMasked } from "./masked-reply.ts";
import { drawn, mergeFields, policyFor, regionsOf } from "./options.ts";
import type { HttpParts } from "./parts.ts";
import {
  anonymizedItemSchema,
  anonymizeFormSchema,
  anonymizeQuerySchema,
  base64RequestSchema,
  base64ResponseSchema,
  detectResponseSchema,
  imageFormSchema,
  optionsSchema,
  pictureSchema,
} from "./schema.ts";
import { onlyUpload, receiveForm } from "./upload.ts";

/** The synchronous routes: a picture in the request, the masked one in the answer. */
export function anonymizeRoutes(parts: HttpParts): FastifyPluginAsyncZod {
  const { medium, spool, limits, results, policy: defaults, detector, room } = parts;
  const receive = { spool, maxBytes: limits.maxBytes, room, field: "image" };

  function mask(asked: Asked, signal: AbortSignal, previews = false): Promise<MaskedNow> {
    const { original, policy, regions } = asked;
    const options = { policy, regions, previews, signal, lane: "interactive" as const };
    const work = () => maskNow(medium, original, options);
    // What a person drew is for one picture alone, and a preview is made of the original.
    if (regions !== undefined || previews) return noteMasking(parts, asked, work);
    const { sha256 } = original;
    return noteMasking(parts, asked, () => results.through({ sha256, policy, lane: options.lane, signal }, work));
  }

  return async (server) => {
    server.post(
      "/anonymize",
      {
        schema: {
          summary: "Mask one picture",
          description:
            "multipart/form-data with the file in `image`; options as query or form fields; the field `regions` (a JSON array of boxes) replaces detection. The answer's body is the masked picture in the same format (HEIC becomes JPEG), or with `detail=1` JSON; with `preview=1` too that holds small JPEGs of both, the one of the upload NOT masked.",
          tags: ["masking"],
          querystring: anonymizeQuerySchema,
        },
        config: {
          bodies: { "multipart/form-data": anonymizeFormSchema },
          answer: { "image/*": pictureSchema, "application/json": anonymizedItemSchema },
        },
      },
      async (request, reply) => {
        const signal = goneSignal(reply);
        await using form = await receiveForm(request, { ...receive, signal });
        const { name, file: original } = onlyUpload(form, "image");
        const { regions: given, ...fields } = form.fields;
        const { detail, preview, ...options } = mergeFields(anonymizeQuerySchema, fields, request.query);
        const previews = preview === "1";
        if (previews && detail !== "1") throw new Problem("invalid-request", "Expected detail=1 with preview=1");
        const regions = regionsOf(given);
        const result = await mask(
          { original, policy: policyFor(defaults, options), regions, who: whoAsks(request) },
          signal,
          previews,
        );
        if (detail !== "1") return await sendMasked(reply, name, result);
        await using masked = result;
        return reply.send(await itemOf(name, masked, regions ? null : detector.name));
      },
    );

    server.post(
      "/anonymize/base64",
      {
        bodyLimit: Math.ceil(limits.maxBytes * 1.4) + 65_536,
        schema: {
          summary: "Mask one picture in base64",
          tags: ["masking"],
          querystring: optionsSchema,
          body: base64RequestSchema,
          response: { 200: base64ResponseSchema },
        },
        config: { bodies: { "application/json": base64RequestSchema } },
      },
      async (request, reply) => {
        const signal = goneSignal(reply);
        const { image_base64, regions: boxes, ...options } = request.body;
        await using original = await spool.receive(streamOf(decodeBase64(image_base64)), { maxBytes: limits.maxBytes });
        const policy = policyFor(defaults, { ...options, ...request.query });
        await using result = await mask(
          { original, policy, regions: boxes?.map(drawn), who: whoAsks(request) },
          signal,
        );
        reply.header("x-veil-regions", result.regions.length);
        return { anonymized_base64: await readBase64(result.masked.path) };
      },
    );

    server.post(
      "/detect",
      {
        schema: {
          summary: "Find faces without masking",
          description: "multipart/form-data with the file in `image`; options as query or form fields.",
          tags: ["masking"],
          querystring: optionsSchema,
          response: { 200: detectResponseSchema },
        },
        config: { bodies: { "multipart/form-data": imageFormSchema } },
      },
      async (request, reply) => {
        const signal = goneSignal(reply);
        await using form = await receiveForm(request, { ...receive, signal });
        const { file: original } = onlyUpload(form, "image");
        const policy = policyFor(defaults, mergeFields(optionsSchema, form.fields, request.query));
        return await noteDetection(parts, { original, policy, who: whoAsks(request) }, async () => {
          await using picture = await medium.open(original, { lane: "interactive", signal });
          const regions = await picture.detect(withoutHold(policy));
          const { width, height, frames, format } = picture;
          return { width, height, frames, format, detector: detector.name, regions: regions.map(regionBody) };
        });
      },
    );
  };
}

function decodeBase64(text: string): Buffer {
  const data = text.startsWith("data:") ? text.slice(text.indexOf(",") + 1) : text;
  const compact = data.replace(/\s+/g, "");
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(compact)) {
    throw new Problem("invalid-request", "Expected base64, or a data: URL with base64, for image_base64");
  }
  return Buffer.from(compact, "base64");
}
