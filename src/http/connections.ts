import type { IncomingMessage } from "node:http";
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

/** All connections of a server. */
const socketsOf = new WeakMap<FastifyInstance, Set<Socket>>();

/**
 * Closes connections that take too long, so that a slow client holds neither a socket nor a spool file for ever, and
 * those above its share at once, so that the rest goes on; the log is told once a minute at most. The end of the server
 * waits for none on which nothing was asked. By TLS a handshake has an end by `handshakeTimeout`, which the server is
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
  const sockets = new Set<Socket>();
  socketsOf.set(server, sockets);
  const told = { all: Number.NEGATIVE_INFINITY, address: Number.NEGATIVE_INFINITY };
  (server.server as Server).on("connection", (socket) => {
    const address = socket.remoteAddress;
    const refusal = share.take(address);
    if (refusal === undefined) {
      sockets.add(socket);
      socket.once("close", () => {
        sockets.delete(socket);
        share.giveBack(address);
      });
      return;
    }
    socket.destroy();
    if (performance.now() - told[refusal] < toldEveryMs) return;
    told[refusal] = performance.now();
    const { open } = share.figures();
    server.log.warn({ connections: open, ...(refusal === "address" && { address }) }, refusals[refusal]);
  });
  dropSilentOnClose(server);
}

/** For Node a connection on which nothing was asked yet is a busy one, and its end would be waited for. */
function dropSilentOnClose(server: FastifyInstance): void {
  const silent = new Map<string, Socket>();
  // A request by TLS shows another socket than the one that was connected.
  const nameOf = ({ remoteAddress, remotePort, localAddress }: Socket) =>
    `${remoteAddress} ${remotePort} ${localAddress}`;
  (server.server as Server).on("connection", (socket) => {
    if (socket.destroyed) return;
    const name = nameOf(socket);
    silent.set(name, socket);
    socket.once("close", () => silent.delete(name));
  });
  server.server.on("request", ({ socket }: IncomingMessage) => silent.delete(nameOf(socket)));
  server.addHook("preClose", async () => {
    for (const socket of silent.values()) socket.destroy();
  });
}

/** Waits for open requests to end, but not for a client that does not move. */
export async function closeWithin(server: FastifyInstance, ms: number): Promise<void> {
  const timer = setTimeout(() => {
    for (const socket of socketsOf.get(server) ?? []) socket.destroy();
  }, ms);
  try {
    await server.close();
  } finally {
    clearTimeout(timer);
  }
}
