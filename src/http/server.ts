import { existsSync } from "node:fs";
import { join } from "node:path";
import cookie from "@fastify/cookie";
import multipart from "@fastify/multipart";
import files from "@fastify/static";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
} from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { Problem } from "../errors.ts";
import { type Access, admitByTable } from "./access.ts";
import { anonymizeRoutes } from "./anonymize.ts";
import { batchRoute } from "./batch.ts";
import type { ConnectionBudget } from "./connection-budget.ts";
import { type ConnectionLimits, limitConnections } from "./connections.ts";
import { guardWays, hardenReplies } from "./guard.ts";
import { http2Settings, limitSessions } from "./http2-limits.ts";
import { jobControlRoutes } from "./job-control.ts";
import { jobRoutes } from "./jobs.ts";
import { ledgerRoutes } from "./ledger-records.ts";
import { requireMediaType } from "./media-type.ts";
import { describeProblems, describeRoute } from "./openapi.ts";
import { operationRoutes, statusRoute } from "./operations.ts";
import type { HttpParts } from "./parts.ts";
import { answerWithProblems, problemBody } from "./problem-reply.ts";
import { requireRoom } from "./require-room.ts";
import { reviewRoutes } from "./reviews.ts";
import { sessionRoutes } from "./session.ts";
import { limitStalls } from "./stalled.ts";
import { limitUploads } from "./uploads-at-once.ts";

export interface ServerOptions {
  /** False: what monitors ask, and nothing else. */
  readonly api?: boolean;
  readonly limits: ConnectionLimits;
  readonly connections: ConnectionBudget;
}

/** The HTTP side: API, its documentation, and the page. Not listening yet. */
export async function createServer(
  parts: HttpParts,
  logger: FastifyBaseLogger,
  { api = true, limits, connections }: ServerOptions,
): Promise<FastifyInstance> {
  const { access } = parts;
  const server = fastify({
    ...transport(access, limits),
    loggerInstance: logger,
    // The path alone is logged: query strings and headers may carry names or secrets.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => crypto.randomUUID(),
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: 200 },
    // An address that is none gets no further: no hook of the routes sees it.
    frameworkErrors: refuseAddress,
  }) as unknown as FastifyInstance;
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  answerWithProblems(server);
  hardenReplies(server);
  await server.register(cookie);
  guardWays(server, access);
  admitByTable(server, access);
  limitUploads(server, access, limitStalls(server, limits.requestMs));
  limitConnections(server, limits, connections.share("page", limits));
  limitSessions(server, limits);
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
    sessionRoutes(parts),
    ledgerRoutes(parts),
    statusRoute(parts),
  ]) {
    await server.register(routes, { prefix: "/api/v1" });
  }
  if (existsSync(join(parts.page, "index.html"))) {
    await server.register(files, { root: parts.page, cacheControl: true, maxAge: 0 });
  }
  return server;
}

function refuseAddress(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  reply.header("x-content-type-options", "nosniff").header("cache-control", "no-store");
  request.log.debug({ code: error.code }, "an address that is none");
  reply
    .code(400)
    .type("application/problem+json")
    .send(JSON.stringify(problemBody(new Problem("invalid-request", "The address is none that can be read"))));
}

/** By TLS with HTTP/2 where there is a certificate, and whose word on clients is believed. */
function transport({ certificate, trustedProxies }: Access, { headersMs }: ConnectionLimits): object {
  const trustProxy = trustedProxies.length > 0 && [...trustedProxies];
  if (certificate === undefined) return { trustProxy };
  const tls = { ...certificate, minVersion: "TLSv1.2", handshakeTimeout: headersMs };
  return { trustProxy, http2: true, https: { ...tls, allowHTTP1: true, settings: http2Settings } };
}
