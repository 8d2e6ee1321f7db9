import type { IncomingMessage, ServerResponse } from "node:http";
import type { Server, Socket } from "node:net";
import type { FastifyInstance } from "fastify";
import type { Refusal, Share, ShareLimits } from "./connection-budget.ts";

/** How many connections there may be, and how long one may take to say what it wants. */
export interface ConnectionLimits extends ShareLimits {
  /** For a TLS handshake, for a request's headers, or for saying anything at all, milliseconds. */
  readonly headersMs: number;
  /** For a request's whole body, milliseconds. */
  readonly requestMs: number;
}

const toldEveryMs = 60_000;
const refusals: Readonly<Record<Refusal, string>> = {
  all: "there are as many connections as may be; others are closed",
  address: "one address has as many connections as it may; others of it are closed",
};

interface Connection {
  readonly socket: Socket;
  /** Requests that are not answered yet. */
  asked: number;
}

/** All of a server, by `nameOf`. */
const connectionsOf = new WeakMap<FastifyInstance, Map<string, Connection>>();

/**
 * Closes connections that take too long, so that a slow client holds neither a socket nor a spool file for ever, and
 * those above its share at once, so that the rest goes on; the log is told once a minute at most. The end of the server
 * waits for none on which nothing is asked. By TLS a handshake has an end by `handshakeTimeout`, which the server is
 * made with; by HTTP/2 everything else by `limitSessions`.
 */
export function limitConnections(server: FastifyInstance, limits: ConnectionLimits, share: Share): void {
  const { headersMs, requestMs } = limits;
  Object.assign(server.server, {
    headersTimeout: headersMs,
    requestTimeout: Math.max(headersMs, requestMs),
    // Often enough that a limit is kept to within half of it. As an option HTTP/2's server did not always take it.
    connectionsCheckingInterval: Math.min(15_000, Math.ceil(Math.min(headersMs, requestMs) / 2)),
  });
  const connections = watchConnections(server);
  const told = { all: Number.NEGATIVE_INFINITY, address: Number.NEGATIVE_INFINITY };
  (server.server as Server).on("connection", (socket) => {
    const address = socket.remoteAddress;
    const refusal = share.take(address);
    if (refusal === undefined) {
      const name = nameOf(socket);
      connections.set(name, { socket, asked: 0 });
      socket.once("close", () => {
        connections.delete(name);
        share.giveBack(address);
      });
      return;
    }
    socket.destroy();
    if (performance.now() - told[refusal] < toldEveryMs) return;
    told[refusal] = performance.now();
    const about = { listener: share.listener, connections: share.figures().open };
    server.log.warn({ ...about, ...(refusal === "address" && { address }) }, refusals[refusal]);
  });
}

/**
 * Knows of each connection what is asked on it. At its end a server would wait for those on which nothing was asked yet,
 * whose request was answered before it had come as a whole, or whose answer has begun and does not say that it is the last.
 */
function watchConnections(server: FastifyInstance): Map<string, Connection> {
  const connections = new Map<string, Connection>();
  connectionsOf.set(server, connections);
  let isClosing = false;
  server.server.on("request", ({ socket, httpVersionMajor }: IncomingMessage, answer: ServerResponse) => {
    const connection = connections.get(nameOf(socket));
    if (connection === undefined) return;
    connection.asked++;
    // Node says goodbye to sessions of HTTP/2 by itself.
    if (httpVersionMajor > 1) return;
    answer.once("close", () => {
      connection.asked--;
      if (isClosing && connection.asked === 0) socket.destroySoon();
    });
  });
  server.addHook("preClose", async () => {
    isClosing = true;
    for (const { socket, asked } of connections.values()) if (asked === 0) socket.destroy();
  });
  return connections;
}

/** A request by TLS shows another socket than the one that was connected, with the same addresses. */
function nameOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}

/** Waits for open requests to end, but not for a client that does not move. */
export async function closeWithin(server: FastifyInstance, ms: number): Promise<void> {
  const timer = setTimeout(() => {
    for (const { socket } of connectionsOf.get(server)?.values() ?? []) socket.destroy();
  }, ms);
  try {
    await server.close();
  } finally {
    clearTimeout(timer);
  }
}
