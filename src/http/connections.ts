import { readFileSync } from "node:fs";
import { Server as HttpServer, type IncomingMessage } from "node:http";
import type { Server, Socket } from "node:net";
import type { FastifyInstance } from "fastify";

/** How many connections there may be, and how long one may take to say what it wants. */
export interface ConnectionLimits {
  readonly connections: number;
  /** For a request's headers, or for saying anything at all, milliseconds. */
  readonly headersMs: number;
  /** For a request's whole body, milliseconds. */
  readonly requestMs: number;
}

/** What stays for files, stores and engine processes where the system lets veil open few. */
const reservedFiles = 256;
const toldEveryMs = 60_000;

/**
 * Closes connections that take too long, so that a slow client holds neither a socket nor a spool file for ever, and
 * turns away those above the limit at once, so that the rest goes on; the log is told once a minute at most. The end of
 * the server waits for none on which nothing was asked.
 */
export function limitConnections(server: FastifyInstance, limits: ConnectionLimits): void {
  const { connections, headersMs, requestMs } = limits;
  // Both HTTP servers have them, HTTP/2's for those who come by HTTP/1.
  Object.assign(server.server, { headersTimeout: headersMs, requestTimeout: Math.max(headersMs, requestMs) });
  const listener = server.server as Server;
  listener.maxConnections = Math.max(16, Math.min(connections, openFiles() - reservedFiles));
  dropSilentOnClose(server);
  let toldAt = Number.NEGATIVE_INFINITY;
  listener.on("drop", () => {
    if (performance.now() - toldAt < toldEveryMs) return;
    toldAt = performance.now();
    server.log.warn(
      { connections: listener.maxConnections },
      "there are as many connections as may be; others are closed",
    );
  });
}

/** For Node a connection on which nothing was asked yet is a busy one, and its end would be waited for. */
function dropSilentOnClose(server: FastifyInstance): void {
  if (!(server.server instanceof HttpServer)) return;
  const silent = new Set<Socket>();
  server.server.on("connection", (socket: Socket) => {
    silent.add(socket);
    socket.once("close", () => silent.delete(socket));
  });
  server.server.on("request", ({ socket }: IncomingMessage) => silent.delete(socket));
  server.addHook("preClose", async () => {
    for (const socket of silent) socket.destroy();
  });
}

/** How often Node looks for connections that take too long: often enough that a limit is kept to within half of it. */
export function checkingInterval({ headersMs, requestMs }: ConnectionLimits): number {
  return Math.min(15_000, Math.ceil(Math.min(headersMs, requestMs) / 2));
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
