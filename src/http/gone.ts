import type { Http2ServerRequest } from "node:http2";
import type { FastifyReply } from "fastify";
import { Problem, toProblem } from "../errors.ts";

/** Aborts with `client-gone` when the client hangs up before its answer is sent: nobody works for somebody who left. */
export function goneSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  const leave = () => controller.abort(new Problem("client-gone", "The client hung up"));
  if (isGone(reply)) leave();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) leave();
  });
  return controller.signal;
}

/** Whether the client has hung up already: its reply says so once, and not again to whoever begins to listen later. */
export function isGone({ request: { raw } }: FastifyReply): boolean {
  return "stream" in raw ? (raw as unknown as Http2ServerRequest).stream.destroyed : raw.socket.destroyed;
}

/** Any thrown value as a Problem: `client-gone` where that ended the work, whatever the parts below made of it. */
export function failureOf(error: unknown): Problem {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof Problem && cause.code === "client-gone") return cause;
  }
  return toProblem(error);
}
