import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import { checkingInterval, limitConnections } from "./connections.ts";
import { hardenReplies } from "./guard.ts";
import { operationRoutes } from "./operations.ts";
import type { HttpParts } from "./parts.ts";
import { answerWithProblems } from "./problem-reply.ts";

const limits = { connections: 200, headersMs: 10_000, requestMs: 10_000 };

/**
 * What monitors ask, at an address of its own, not listening yet: it may be reached from other machines, which the page's
 * may not, and has nothing else to say to them.
 */
export async function createMonitorServer(
  parts: Pick<HttpParts, "detector" | "metrics" | "readiness">,
  logger: FastifyBaseLogger,
): Promise<FastifyInstance> {
  const server = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: "idle",
    bodyLimit: 1024,
    http: { connectionsCheckingInterval: checkingInterval(limits) },
  });
  limitConnections(server, limits);
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  hardenReplies(server);
  answerWithProblems(server);
  await server.register(operationRoutes(parts, () => true));
  return server;
}
