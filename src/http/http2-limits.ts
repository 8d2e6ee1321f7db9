import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { FastifyInstance } from "fastify";
import type { ConnectionLimits } from "./connections.ts";

/** One connection's requests at once; without it a single one could bring any number. */
export const http2Settings = { maxConcurrentStreams: 128 };
/** How long a session may take to say goodbye. */
const goodbyeMs = 1000;

/** What Node does for HTTP/1 alone: ends sessions on which nothing is asked in time, and requests that come too slowly. */
export function limitSessions(server: FastifyInstance, limits: ConnectionLimits): void {
  server.server.on("session", (session: ServerHttp2Session) => {
    let streams = 0;
    let timer: NodeJS.Timeout | undefined;
    const waitForRequest = () => {
      timer = setTimeout(() => {
        session.close();
        timer = setTimeout(() => session.destroy(), goodbyeMs);
      }, limits.headersMs);
    };
    // Pings, and headers that never end, are no request.
    waitForRequest();
    session.on("stream", (stream: ServerHttp2Stream) => {
      streams++;
      clearTimeout(timer);
      limitBody(stream, limits);
      stream.once("close", () => {
        streams--;
        if (streams === 0 && !session.closed && !session.destroyed) waitForRequest();
      });
    });
    session.once("close", () => clearTimeout(timer));
  });
}

/** Also of a request that was answered already, which a client could leave open for ever. */
function limitBody(stream: ServerHttp2Stream, { requestMs }: ConnectionLimits): void {
  if (stream.endAfterHeaders) return;
  const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), requestMs);
  stream.once("end", () => clearTimeout(timer)).once("close", () => clearTimeout(timer));
}
