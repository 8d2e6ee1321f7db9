import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import type { ConnectionBudget } from "./connection-budget.ts";
import { limitConnections } from "./connections.ts";
import { hardenReplies } from "./guard.ts";
import { keptAnswer } from "./kept-answer.ts";
import { type OperationParts, operationRoutes } from "./operations.ts";
import { answerWithProblems } from "./problem-reply.ts";
import { limitStalls } from "./stalled.ts";

export interface MonitorParts extends OperationParts {
  readonly connections: ConnectionBudget;
}

/** Anybody may scrape, as often as they like: for so long an answer is good. */
const keptMs = 1000;
const limits = { connections: 200, headersMs: 10_000, requestMs: 10_000 };

/**
 * What monitors ask, at an address of its own, not listening yet: it may be reached from other machines, which the page's
 * may not, and has nothing else to say to them.
 */
export async function createMonitorServer(parts: MonitorParts, logger: FastifyBaseLogger): Promise<FastifyInstance> {
  const server = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: "idle",
    bodyLimit: 1024,
  });
  limitConnections(server, limits, parts.connections.share("monitor", limits));
  limitStalls(server, limits.requestMs);
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  hardenReplies(server);
  answerWithProblems(server);
  const metrics = { render: keptAnswer(parts.metrics.render, keptMs) };
  await server.register(operationRoutes({ ...parts, metrics }, () => true));
  return server;
}
