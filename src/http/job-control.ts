import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { parseClass, parseCode, parseSince, redriveMany } from "../pipeline/redrive-many.ts";
import { whoAsks } from "./access.ts";
import type { HttpParts } from "./parts.ts";
import { noQuerySchema, pausedSchema, pauseSchema, retriedSchema, retryManySchema } from "./schema.ts";

/** Many jobs at once: sent back, or told to wait. */
export function jobControlRoutes({ ledger, submit, pauses }: HttpParts): FastifyPluginAsyncZod {
  return async (server) => {
    server.post(
      "/jobs/retry",
      {
        schema: {
          summary: "Send many dead letters back",
          description:
            "Those that all given fields choose; an empty object chooses every one. With `dry_run` they are only counted.",
          tags: ["jobs"],
          querystring: noQuerySchema,
          body: retryManySchema,
          response: { 200: retriedSchema },
        },
        config: { bodies: { "application/json": retryManySchema } },
      },
      async (request) => {
        const { body } = request;
        const filter = {
          route: body.route,
          code: body.code === undefined ? undefined : parseCode(body.code),
          class: body.class === undefined ? undefined : parseClass(body.class),
          since: body.since === undefined ? undefined : parseSince(body.since, Date.now()),
        };
        const redriven = await redriveMany({ ledger, redrive: submit.retry }, filter, {
          dryRun: body.dry_run,
          who: whoAsks(request),
        });
        return { matched: redriven.matched, codes: { ...redriven.codes }, sent: redriven.sent };
      },
    );

    for (const verb of ["pause", "resume"] as const) {
      server.post(
        `/jobs/${verb}`,
        {
          schema: {
            summary: verb === "pause" ? "Let a route's bulk work wait, or all of it" : "Let it go on",
            description:
              "Takes effect within a second, and outlasts restarts. What a person waits for is never paused.",
            tags: ["jobs"],
            querystring: noQuerySchema,
            body: pauseSchema,
            response: { 200: pausedSchema },
          },
          config: { bodies: { "application/json": pauseSchema }, needsNoRoom: true },
        },
        async (request) => {
          const { route } = request.body;
          await pauses[verb](route);
          request.log.info({ verb, route, who: whoAsks(request) }, "bulk work was told to wait or to go on");
          const { all, routes } = await pauses.read();
          return { all, routes: [...routes] };
        },
      );
    }
  };
}
