import type { FastifyReply } from "fastify";
import { Problem } from "../errors.ts";

/** Aborts when the client hangs up before its answer is sent: nobody works for somebody who left. */
export function goneSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) controller.abort(new Problem("shutting-down", "The client hung up"));
  });
  return controller.signal;
}
