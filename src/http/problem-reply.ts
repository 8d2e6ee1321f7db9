import type { FastifyError, FastifyInstance, FastifyReply } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { Problem, type ProblemCode } from "../errors.ts";
import { refusalOf } from "./faults.ts";
import { failureOf } from "./gone.ts";
import type { ProblemBody } from "./schema.ts";

/** A problem as RFC 9457 says it. Faults of our own keep their detail to the log. */
export function problemBody(problem: Problem): ProblemBody {
  const { code, status, title, message, remedy } = problem;
  const detail = code === "internal" ? "See the service's log for this request." : message;
  return { type: `urn:veil:problem:${code}`, title, status, detail, code, ...(remedy !== undefined && { remedy }) };
}

/** Makes every failure a problem+json answer, and logs the ones that are veil's own. */
export function answerWithProblems(server: FastifyInstance): void {
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const problem = translate(error);
    // Lack of room was told as an alert; a line for each refusal would only make less of it.
    if (problem.status >= 500 && problem.code !== "no-room")
      request.log.error({ err: problem.cause ?? problem, code: problem.code }, problem.title);
    return send(reply, problem);
  });
  server.setNotFoundHandler((request, reply) =>
    send(
      reply,
      new Problem("not-found", `There is no ${request.method} ${request.url.split("?")[0]}`, {
        remedy: "See /api/docs.",
      }),
    ),
  );
}

/** What passes by itself, and when to ask again. */
const retryAfterSeconds: Partial<Record<ProblemCode, number>> = {
  "shutting-down": 5,
  "store-unavailable": 5,
  "no-room": 30,
  "identity-unavailable": 5,
};

/** Answers with a problem, and logs nothing. */
export function send(reply: FastifyReply, problem: Problem): FastifyReply {
  const seconds = problem.retryAfter ?? retryAfterSeconds[problem.code];
  if (seconds !== undefined) reply.header("retry-after", seconds);
  if (problem.code === "unauthorized") reply.header("www-authenticate", 'Bearer realm="veil"');
  return reply
    .code(problem.status)
    .type("application/problem+json")
    .send(JSON.stringify(problemBody(problem)));
}

/** Fastify's own refusals, by the codes that its documentation lists. */
const fromFastify: Record<string, ProblemCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "too-large",
  FST_REQ_FILE_TOO_LARGE: "too-large",
  FST_FILES_LIMIT: "too-many-items",
  FST_PARTS_LIMIT: "too-many-items",
  FST_FIELDS_LIMIT: "too-many-items",
};

function translate(error: FastifyError): Problem {
  if (error instanceof Problem) return failureOf(error);
  if (hasZodFastifySchemaValidationErrors(error)) {
    const of = error.validationContext ?? "request";
    return refusalOf(
      error.validation.map(({ instancePath: path, message }) => ({ path: `${of}${path}`.replace(/\/$/, ""), message })),
    );
  }
  const known = fromFastify[error.code];
  if (known !== undefined) return new Problem(known, error.message, { cause: error });
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return new Problem("invalid-request", error.message, { remedy: "See /api/docs.", cause: error });
  }
  return failureOf(error);
}
