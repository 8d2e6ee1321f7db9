import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import type { Server, Socket } from "node:net";
import type { FastifyInstance } from "fastify";

/** How many connections there may be, and how long one may take to say what it wants. */
export interface ConnectionLimits {
  readonly connections: number;
  /** For a TLS handshake, for a request's headers, or for saying anything at all, milliseconds. */
  readonly headersMs: number;
  /** For a request's whole body, milliseconds. */
  readonly requestMs: number;
}

/** What stays for files, stores and engine processes where the system lets veil open few. */
const reservedFiles = 256;
const toldEveryMs = 60_000;
/** All connections of a server. */
const socketsOf = new WeakMap<FastifyInstance, Set<Socket>>();

/**
 * Closes connections that take too long, so that a slow client holds neither a socket nor a spool file for ever, and
 * those above the limit at once, so that the rest goes on; the log is told once a minute at most. The end of the server
 * waits for none on which nothing was asked. By TLS a handshake has an end by `handshakeTimeout`, which the server is
 * made with; by HTTP/2 everything else by `limitSessions`.
 */
export function limitConnections(server: FastifyInstance, limits: ConnectionLimits): void {
  const { headersMs, requestMs } = limits;
  Object.assign(server.server, {
    headersTimeout: headersMs,
    requestTimeout: Math.max(headersMs, requestMs),
    // Often enough that a limit is kept to within half of it. As an option HTTP/2's server did not always take it.
    connectionsCheckingInterval: Math.min(15_000, Math.ceil(Math.min(headersMs, requestMs) / 2)),
  });
  const sockets = new Set<Socket>();
  socketsOf.set(server, sockets);
  const listener = server.server as Server;
  listener.maxConnections = Math.max(16, Math.min(limits.connections, openFiles() - reservedFiles));
  listener.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  let toldAt = Number.NEGATIVE_INFINITY;
  listener.on("drop", () => {
    if (performance.now() - toldAt < toldEveryMs) return;
    toldAt = performance.now();
    server.log.warn(
      { connections: listener.maxConnections },
      "there are as many connections as may be; others are closed",
    );
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

/** How many files this process may have open; without bound where the system does not tell. */
function openFiles(): number {
  try {
    // Node raises the soft limit to the hard one when it starts.
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
