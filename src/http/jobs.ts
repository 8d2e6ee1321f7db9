import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { isFinished, type JobState, jobStates } from "../core/job.ts";
import { maskedName } from "../core/masked-name.ts";
import { Problem, problems } from "../errors.ts";
import type { JobRecord } from "../ledger/ledger.ts";
import { hasRole, ownerIdOf, whoAsks } from "./access.ts";
import { inlineAs } from "./disposition.ts";
import { refusal } from "./faults.ts";
import { goneSignal } from "./gone.ts";
import { mergeFields, policyFor } from "./options.ts";
import type { HttpParts } from "./parts.ts";
import { policyBody } from "./policy-body.ts";
import {
  imageFormSchema,
  type JobBody,
  jobRequestSchema,
  jobSchema,
  jobsQuerySchema,
  jobsResponseSchema,
  noQuerySchema,
  optionsSchema,
  pictureSchema,
  resultQuerySchema,
} from "./schema.ts";
import { onlyUpload, receiveForm } from "./upload.ts";

const idSchema = z.object({ id: z.string() });
const maxWaitSeconds = 60;
const waitStepMs = 100;

/** The asynchronous routes: work that outlives its request, and what became of it. */
export function jobRoutes(parts: HttpParts): FastifyPluginAsyncZod {
  const { ledger, submit, medium, spool, limits, policy: defaults, storeOf, room } = parts;

  async function recordOf(id: string): Promise<JobRecord> {
    const record = await ledger.get(id);
    if (record === undefined) throw new Problem("not-found", `There is no job ${id}`);
    return record;
  }

  /** Whoever only hands in sees what it has handed in itself. */
  async function ownRecord(request: FastifyRequest, id: string): Promise<JobRecord> {
    const record = await recordOf(id);
    if (hasRole(request, "read")) return record;
    if (await submit.isOwn(record, { who: whoAsks(request), ownerId: ownerIdOf(request) })) return record;
    throw new Problem("not-found", `There is no job ${id}`);
  }

  /** Holds the line for a job, as long as the client asked for and is there. */
  async function waitFor(record: JobRecord, seconds: number, signal: AbortSignal): Promise<JobRecord> {
    const until = Date.now() + seconds * 1000;
    let latest = record;
    while (!isFinished(latest.state) && Date.now() < until && !signal.aborted) {
      await sleep(waitStepMs);
      latest = await recordOf(record.job.id);
    }
    return latest;
  }

  /** Of a result, which is masked. */
  async function previewOf(result: Readable, signal: AbortSignal): Promise<Buffer> {
    await using file = await spool.receive(result, { maxBytes: Number.POSITIVE_INFINITY, isMasked: true });
    await using picture = await medium.open(file, { lane: "interactive", signal });
    return Buffer.from(await picture.preview());
  }

  function resultName({ job, last }: JobRecord): string | null {
    return last.output === undefined ? null : maskedName(submit.nameOf(job), last.output.contentType);
  }

  const jobBody = (record: JobRecord): JobBody => jobBodyOf(record, resultName(record));

  return async (server) => {
    server.post(
      "/jobs",
      {
        schema: {
          summary: "Hand in work",
          description:
            "Either multipart/form-data with the file in `image` and options as query or form fields, or JSON that names an object of a configured store. Answers 202 with Location once the job is durable; `Prefer: wait=N` holds the line for up to N seconds and answers 200 if the job ends in time. The same Idempotency-Key gives the same job.",
          tags: ["jobs"],
          querystring: optionsSchema,
          response: { 200: jobSchema, 202: jobSchema },
        },
        config: { bodies: { "multipart/form-data": imageFormSchema, "application/json": jobRequestSchema } },
      },
      async (request, reply) => {
        const signal = goneSignal(reply);
        const record = request.isMultipart() ? await takeUpload() : await takeObject();
        const seconds = waitSecondsOf(request.headers.prefer);
        const latest = await waitFor(record, seconds, signal);
        reply.header("location", `/api/v1/jobs/${latest.job.id}`);
        if (seconds > 0) reply.header("preference-applied", `wait=${seconds}`);
        return reply.code(isFinished(latest.state) ? 200 : 202).send(jobBody(latest));

        async function takeUpload(): Promise<JobRecord> {
          await using form = await receiveForm(request, {
            spool,
            maxBytes: limits.maxBytes,
            room,
            field: "image",
            signal,
          });
          const { name, file } = onlyUpload(form, "image");
          const policy = policyFor(defaults, mergeFields(optionsSchema, form.fields, request.query));
          const key = request.headers["idempotency-key"];
          // Awaited here: the file must stay until the inbox has it.
          return await submit.upload(file, {
            name,
            policy,
            ...{ who: whoAsks(request), ownerId: ownerIdOf(request) },
            ...(typeof key === "string" && { idempotencyKey: key }),
          });
        }

        function takeObject(): Promise<JobRecord> {
          const body = jobRequestSchema.safeParse(request.body);
          if (!body.success) throw refusal(body.error, "body");
          const { store, key, policy } = body.data;
          if (!hasRole(request, "admin")) {
            throw new Problem("forbidden", "Expected the role admin to have an object of a store masked", {
              remedy: "Hand the picture itself in, as multipart/form-data.",
            });
          }
          return submit.object(
            { store, key },
            {
              policyFor: (own) => policyFor(own, { ...request.query, ...policy }),
              ...{ mayWeaken: hasRole(request, "review"), who: whoAsks(request) },
            },
          );
        }
      },
    );

    server.get(
      "/jobs",
      {
        schema: {
          summary: "List jobs",
          tags: ["jobs"],
          querystring: jobsQuerySchema,
          response: { 200: jobsResponseSchema },
        },
      },
      async ({ query }) => {
        const { route, limit, after } = query;
        const states = query.state?.split(",").map(parseState);
        const scope = { ...(route !== undefined && { route }) };
        const page = await ledger.find({
          ...scope,
          ...(states && { states }),
          ...(after !== undefined && { after }),
          limit,
        });
        return {
          jobs: page.records.map(jobBody),
          next: page.next ?? null,
          counts: { ...(await ledger.counts(route)) },
        };
      },
    );

    server.get(
      "/jobs/:id",
      { schema: { summary: "One job", tags: ["jobs"], params: idSchema, response: { 200: jobSchema } } },
      async (request) => jobBody(await ownRecord(request, request.params.id)),
    );

    server.get(
      "/jobs/:id/result",
      {
        schema: {
          summary: "A finished job's masked picture",
          tags: ["jobs"],
          params: idSchema,
          querystring: resultQuerySchema,
        },
        config: { answer: { "image/*": pictureSchema } },
      },
      async (request, reply) => {
        const { params, query } = request;
        const record = await ownRecord(request, params.id);
        const { job, state, last } = record;
        if (state !== "done" || last.output === undefined) {
          throw new Problem("not-ready", `The job is ${state}`, { remedy: "Ask again when its state is done." });
        }
        const { info, stream } = await storeOf(job.output.store).get(job.output.key, { version: last.output.version });
        if (query.preview === "1") return reply.type("image/jpeg").send(await previewOf(stream, goneSignal(reply)));
        reply.header("content-disposition", inlineAs(resultName(record) ?? ""));
        return reply.type(last.output.contentType).header("content-length", info.size).send(stream);
      },
    );

    server.post(
      "/jobs/:id/retry",
      {
        schema: {
          summary: "Send a dead letter back",
          description:
            "Makes a new revision of the job and answers with it. A held job can be sent back too: it is then masked with all that both looks found.",
          tags: ["jobs"],
          params: idSchema,
          querystring: noQuerySchema,
          response: { 202: jobSchema },
        },
      },
      async (request, reply) => {
        const record = await submit.retry(request.params.id, whoAsks(request));
        return reply.code(202).header("location", `/api/v1/jobs/${record.job.id}`).send(jobBody(record));
      },
    );
  };
}

/** How long the client would wait: RFC 7240, up to our own limit. */
function waitSecondsOf(prefer: string | string[] | undefined): number {
  return Math.min(Number(/\bwait=(\d+)/.exec(String(prefer ?? ""))?.[1] ?? 0), maxWaitSeconds);
}

function parseState(text: string): JobState {
  const state = jobStates.find((name) => name === text.trim());
  if (state === undefined) throw new Problem("invalid-request", `Expected one of ${jobStates.join(", ")} for state`);
  return state;
}

/** A job as the API shows it. */
export function jobBodyOf(
  { job, state, attempts, admittedAt, updatedAt, last }: JobRecord,
  name: string | null,
): JobBody {
  return {
    id: job.id,
    route: job.route,
    state,
    revision: job.revision,
    attempts,
    input: { ...job.input },
    output: { ...job.output },
    policy: policyBody(job.policy),
    regions: last.regions ?? null,
    masked_name: name,
    kind: last.recognised ?? null,
    problem:
      last.code === undefined
        ? null
        : { code: last.code, title: problems[last.code].title, detail: last.message ?? "" },
    successor: last.successor ?? null,
    admitted_at: new Date(admittedAt).toISOString(),
    updated_at: new Date(updatedAt).toISOString(),
  };
}
