import { existsSync } from "node:fs";
import type { Http2Session } from "node:http2";
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
import { type ConnectionLimits, checkingInterval, limitConnections } from "./connections.ts";
import { guardWays, hardenReplies } from "./guard.ts";
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
}

/** The HTTP side: API, its documentation, and the page. Not listening yet. */
export async function createServer(
  parts: HttpParts,
  logger: FastifyBaseLogger,
  { api = true, limits }: ServerOptions,
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
  limitConnections(server, limits);
  limitDuration(server, limits);
  keepSessions(server);
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
function transport({ certificate, trustedProxies }: Access, limits: ConnectionLimits): object {
  const trustProxy = trustedProxies.length > 0 && [...trustedProxies];
  if (certificate === undefined) return { trustProxy, http: { connectionsCheckingInterval: checkingInterval(limits) } };
  return { trustProxy, http2: true, https: { ...certificate, allowHTTP1: true, minVersion: "TLSv1.2" } };
}

/** Node watches over how long a request takes to come in with HTTP/1 alone. */
function limitDuration(server: FastifyInstance, { requestMs }: ConnectionLimits): void {
  server.addHook("onRequest", async ({ raw }) => {
    if (raw.httpVersionMajor < 2) return;
    const timer = setTimeout(() => raw.destroy(), requestMs);
    raw.once("end", () => clearTimeout(timer)).once("close", () => clearTimeout(timer));
  });
}

/** Those of HTTP/2, which outlive their requests. */
const sessionsOf = new WeakMap<FastifyInstance, Set<Http2Session>>();

function keepSessions(server: FastifyInstance): void {
  const open = new Set<Http2Session>();
  sessionsOf.set(server, open);
  server.server.on("session", (session: Http2Session) => {
    open.add(session);
    session.once("close", () => open.delete(session));
  });
}

/** Waits for open requests to end, but not for a client that does not move. */
export async function closeWithin(server: FastifyInstance, ms: number): Promise<void> {
  const timer = setTimeout(() => {
    server.server.closeAllConnections?.();
    for (const session of sessionsOf.get(server) ?? []) session.destroy();
  }, ms);
  try {
    await server.close();
  } finally {
    clearTimeout(timer);
  }
}
