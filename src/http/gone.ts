import type { FastifyReply } from "fastify";
import { Problem, toProblem } from "../errors.ts";

/** Aborts with `client-gone` when the client hangs up before its answer is sent: nobody works for somebody who left. */
export function goneSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) controller.abort(new Problem("client-gone", "The client hung up"));
  });
  return controller.signal;
}

/** Any thrown value as a Problem: `client-gone` where that ended the work, whatever the parts below made of it. */
export function failureOf(error: unknown): Problem {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof Problem && cause.code === "client-gone") return cause;
  }
  return toProblem(error);
}
