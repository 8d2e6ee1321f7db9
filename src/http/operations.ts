import type { FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { Problem, toProblem } from "../errors.ts";
import { hasRole } from "./access.ts";
import type { Metrics } from "./metrics.ts";
import type { HttpParts } from "./parts.ts";
import { send } from "./problem-reply.ts";
import { statusSchema } from "./status-schema.ts";

const readySchema = z.object({
  status: z.literal("ready"),
  detector: z.object({ name: z.string(), digest: z.string() }),
});

export interface OperationParts extends Pick<HttpParts, "detector" | "readiness"> {
  readonly metrics: Pick<Metrics, "render">;
}

/** What a monitor asks. */
export function operationRoutes(
  { detector, metrics, readiness }: OperationParts,
  /** Whether whoever asks may know what routes there are. */
  mayRead: (request: FastifyRequest) => boolean = (request) => hasRole(request, "read"),
): FastifyPluginAsyncZod {
  return async (server) => {
    server.get(
      "/healthz",
      {
        schema: {
          summary: "The process is alive",
          tags: ["operation"],
          response: { 200: z.object({ status: z.literal("ok") }) },
        },
      },
      async () => ({ status: "ok" as const }),
    );
    server.get(
      "/readyz",
      {
        schema: {
          summary: "veil can mask, and with which detector; not where ledger, queue or a route's store is away",
          tags: ["operation"],
          querystring: z.object({ route: z.string().optional().describe("Only what this route needs.") }),
          response: { 200: readySchema },
        },
      },
      async (request, reply) => {
        const isTold = mayRead(request);
        try {
          await readiness.require(isTold ? request.query.route : undefined);
        } catch (error) {
          const problem = toProblem(error);
          // Asked every few seconds: whoever lost something has logged it already.
          return send(
            reply,
            isTold ? problem : new Problem(problem.code, "veil does not reach something that it needs"),
          ) as never;
        }
        return { status: "ready" as const, detector: { ...detector } };
      },
    );
    server.get(
      "/metrics",
      { schema: { summary: "Prometheus metrics", tags: ["operation"] } },
      async (_request, reply) => {
        const { contentType, text } = await metrics.render();
        return reply.type(contentType).send(text);
      },
    );
  };
}

/** What the page shows about this installation. */
export function statusRoute({ status }: HttpParts): FastifyPluginAsyncZod {
  return async (server) => {
    server.get(
      "/status",
      {
        schema: { summary: "Version, detector, folders, limits", tags: ["operation"], response: { 200: statusSchema } },
      },
      async (request) => {
        const whole = await status();
        // Where things lie is for whoever may read; the rest, whoever hands something in has to know.
        return hasRole(request, "read") ? whole : { ...whole, routes: [] };
      },
    );
  };
}
