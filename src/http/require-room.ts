import type { FastifyInstance } from "fastify";
import type { Room } from "../pipeline/room.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Answered even where there is no room for work. */
    readonly needsNoRoom?: true;
  }
}

/**
 * Refuses work before its body is read: with `no-room`, so that a client comes again and a full disk stays usable, or for
 * good where files are announced that no spool of that size holds.
 */
export function requireRoom(server: FastifyInstance, room: Pick<Room, "require">): void {
  server.addHook("onRequest", async ({ method, headers, routeOptions }) => {
    if (method !== "POST" || routeOptions.config.needsNoRoom === true) return;
    // What comes in JSON never lies in the spool as it comes.
    const isForm = headers["content-type"]?.toLowerCase().startsWith("multipart/") === true;
    await room.require(0, isForm ? Number(headers["content-length"] ?? 0) : 0);
  });
}
