import { existsSync } from "node:fs";
import { join } from "node:path";
import multipart from "@fastify/multipart";
import files from "@fastify/static";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { anonymizeRoutes } from "./anonymize.ts";
import { batchRoute } from "./batch.ts";
import { guardLoopback, hardenReplies } from "./guard.ts";
import { jobControlRoutes } from "./job-control.ts";
import { jobRoutes } from "./jobs.ts";
import { requireMediaType } from "./media-type.ts";
import { describeProblems, describeRoute } from "./openapi.ts";
import { operationRoutes, statusRoute } from "./operations.ts";
import type { HttpParts } from "./parts.ts";
import { answerWithProblems } from "./problem-reply.ts";
import { requireRoom } from "./require-room.ts";
import { reviewRoutes } from "./reviews.ts";

export interface ServerOptions {
  /** False: what monitors ask, and nothing else. */
  readonly api?: boolean;
}

/** The HTTP side: API, its documentation, and the page. Not listening yet. */
export async function createServer(
  parts: HttpParts,
  logger: FastifyBaseLogger,
  { api = true }: ServerOptions = {},
): Promise<FastifyInstance> {
  const server = fastify({
    loggerInstance: logger,
    // The path alone is logged: query strings and headers may carry names or secrets.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => crypto.randomUUID(),
    forceCloseConnections: "idle",
    // A client that sends nothing more must not hold a socket and its spool file for ever.
    requestTimeout: 15 * 60_000,
    routerOptions: { maxParamLength: 200 },
  });
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  guardLoopback(server);
  hardenReplies(server);
  answerWithProblems(server);
  if (!api) {
    await server.register(operationRoutes(parts));
    return server;
  }
  requireMediaType(server);
  requireRoom(server, parts.room);
  await server.register(multipart, {
    limits: {
      fileSize: parts.limits.maxBytes,
      files: parts.maxBatch,
      fields: 20,
      fieldSize: 1_048_576,
      parts: parts.maxBatch + 20,
    },
    throwFileSizeLimit: false,
  });
  await server.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "veil",
        version: (await parts.status()).version,
        description:
          "Masks faces in photographs where they are stored. Errors are RFC 9457 problem+json with a stable code.",
      },
      tags: [{ name: "masking" }, { name: "jobs" }, { name: "review" }, { name: "operation" }],
    },
    transform: describeRoute,
    transformObject: describeProblems,
  });
  await server.register(swaggerUi, { routePrefix: "/api/docs" });
  server.get("/api/openapi.json", { schema: { hide: true } }, async () => server.swagger());
  await server.register(operationRoutes(parts));
  for (const routes of [
    anonymizeRoutes(parts),
    batchRoute(parts),
    jobRoutes(parts),
    jobControlRoutes(parts),
    reviewRoutes(parts),
    statusRoute(parts),
  ]) {
    await server.register(routes, { prefix: "/api/v1" });
  }
  if (existsSync(join(parts.page, "index.html"))) {
    await server.register(files, { root: parts.page, cacheControl: true, maxAge: 0 });
  }
  return server;
}

/** Waits for open requests to end, but not for a client that does not move. */
export async function closeWithin(server: FastifyInstance, ms: number): Promise<void> {
  const timer = setTimeout(() => server.server.closeAllConnections(), ms);
  try {
    await server.close();
  } finally {
    clearTimeout(timer);
  }
}
