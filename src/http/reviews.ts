import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { maskedName } from "../core/masked-name.ts";
import { Problem } from "../errors.ts";
import type { JobRecord } from "../ledger/ledger.ts";
import type { Reviewed } from "../pipeline/review.ts";
import { whoAsks } from "./access.ts";
import { goneSignal } from "./gone.ts";
import { jobBodyOf } from "./jobs.ts";
import { regionBody } from "./masked-reply.ts";
import { decidedRegion } from "./options.ts";
import type { HttpParts } from "./parts.ts";
import {
  approvalSchema,
  type JobBody,
  jobSchema,
  looks,
  noQuerySchema,
  pictureSchema,
  type ReviewBody,
  rejectionSchema,
  reviewSchema,
  reviewsQuerySchema,
  reviewsResponseSchema,
} from "./schema.ts";

const idSchema = z.object({ id: z.string() });

/** What waits for a person, and what that person decides. */
export function reviewRoutes(parts: HttpParts): FastifyPluginAsyncZod {
  const { ledger, review, submit } = parts;

  const jobBody = (record: JobRecord): JobBody => {
    const { output } = record.last;
    return jobBodyOf(record, output === undefined ? null : maskedName(submit.nameOf(record.job), output.contentType));
  };

  function reviewBody({ record, regions }: Reviewed): ReviewBody {
    const found = looks.flatMap((look) => regions?.[look].map((region) => ({ ...regionBody(region), look })) ?? []);
    return {
      job: jobBody(record),
      picture: record.last.picture ?? null,
      regions: regions === undefined ? null : found,
      decided_by: (isDecided(record) && record.last.who) || null,
    };
  }

  /** Where the job that took a decided one's place is, for whoever came second. */
  async function successorOf(id: string): Promise<string | undefined> {
    const successor = (await ledger.get(id))?.last.successor;
    return successor && `/api/v1/jobs/${successor}`;
  }

  return async (server) => {
    server.get(
      "/reviews",
      {
        schema: {
          summary: "What waits for a person",
          tags: ["review"],
          querystring: reviewsQuerySchema,
          response: { 200: reviewsResponseSchema },
        },
      },
      async ({ query: { route, limit, after } }) => {
        const scope = { ...(route !== undefined && { route }), ...(after !== undefined && { after }) };
        const { records, next } = await ledger.find({ ...scope, states: ["held"], limit });
        return { reviews: records.map(jobBody), next: next ?? null };
      },
    );

    server.get(
      "/reviews/:id",
      {
        schema: {
          summary: "Why a picture is held, and what was found in it",
          tags: ["review"],
          params: idSchema,
          response: { 200: reviewSchema },
        },
      },
      async ({ params }) => reviewBody(await review.read(params.id)),
    );

    server.get(
      "/reviews/:id/original",
      {
        schema: {
          summary: "What a held picture shows, NOT masked",
          description:
            "Its first frame as a JPEG of at most 2048 pixels a side, for whoever decides on it. Each look is recorded in the ledger before it is answered.",
          tags: ["review"],
          params: idSchema,
          querystring: noQuerySchema,
        },
        config: { answer: { "image/jpeg": pictureSchema } },
      },
      async (request, reply) => {
        const { id } = request.params;
        const { record } = await review.read(id);
        if (record.state !== "held")
          throw new Problem("not-ready", `The job is ${record.state}: nothing is to be decided`);
        const bytes = await originalOf(parts, record, goneSignal(reply));
        const who = whoAsks(request);
        await ledger.note({ at: Date.now(), outcome: "viewed", job: { id }, ...(who !== undefined && { who }) });
        return reply.type("image/jpeg").send(bytes);
      },
    );

    server.post(
      "/reviews/:id/approve",
      {
        schema: {
          summary: "Have a held picture masked, with all that was found or with other regions",
          description:
            "Makes a new revision of the job and answers with it: exactly these regions are masked. What is decided already is refused with 409, and Location names the job that took its place.",
          tags: ["review"],
          params: idSchema,
          querystring: noQuerySchema,
          body: approvalSchema,
          response: { 202: jobSchema },
        },
        config: { bodies: { "application/json": approvalSchema } },
      },
      async (request, reply) => {
        const { body } = request;
        const { id } = request.params;
        try {
          const regions = body.regions?.map(decidedRegion);
          const record = await review.approve(id, { regions, noFaces: body.no_faces, who: whoAsks(request) });
          return reply.code(202).header("location", `/api/v1/jobs/${record.job.id}`).send(jobBody(record));
        } catch (error) {
          const place = await successorOf(id);
          if (place !== undefined) reply.header("location", place);
          throw error;
        }
      },
    );

    server.post(
      "/reviews/:id/reject",
      {
        schema: {
          summary: "End a held picture without output",
          description: "Its original stays, and is not looked at again; a new version of it is a new picture.",
          tags: ["review"],
          params: idSchema,
          querystring: noQuerySchema,
          body: rejectionSchema,
          response: { 200: jobSchema },
        },
        config: { bodies: { "application/json": rejectionSchema }, needsNoRoom: true },
      },
      async (request, reply) => {
        const { id } = request.params;
        try {
          return jobBody((await review.reject(id, request.body.reason, whoAsks(request))).record);
        } catch (error) {
          const place = await successorOf(id);
          if (place !== undefined) reply.header("location", place);
          throw error;
        }
      },
    );
  };
}

function isDecided({ state }: JobRecord): boolean {
  return state === "approved" || state === "rejected" || state === "redriven";
}

/** Of the very version that was held. Problem changed-while-reading where another one lies there now. */
async function originalOf({ medium, spool, limits, storeOf }: HttpParts, { job }: JobRecord, signal: AbortSignal) {
  const { key, version, store } = job.input;
  const { stream } = await storeOf(store).get(key, { version });
  await using file = await spool.receive(stream, { maxBytes: limits.maxBytes });
  await using picture = await medium.open(file, { lane: "interactive", signal });
  return Buffer.from(await picture.preview());
}
